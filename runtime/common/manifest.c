#include "manifest.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "names.h"
#include "policy_reader.h"

#define MEBIBYTE (UINT64_C(1) << 20)
#define MIN_MEMORY (64 * MEBIBYTE)
#define MAX_MEMORY (UINT64_C(1) << 46)
#define MAX_ID (UINT64_C(0xffffffff) - 1)
#define MAX_SVN 65535

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        if (call)                                                                                            \
            return -1;                                                                                       \
    } while (0)

/* ---- lists of strings ---- */

/* One of the functions of names.h. */
typedef bool check(const char *);

static int read_texts(struct json *j, struct olos_texts *texts)
{
    size_t capacity = 0;
    int more;
    TRY(json_open(j, '['));
    while ((more = json_item(j)) > 0) {
        /* One more than the items, for the NULL at the end. */
        texts->items = grown(texts->items, texts->count + 1, &capacity, sizeof *texts->items);
        int failed = json_new_text(j, &texts->items[texts->count]);
        texts->count++;
        TRY(failed);
    }
    if (!texts->items)
        texts->items = allocate(1, sizeof *texts->items);
    texts->items[texts->count] = NULL;
    return more < 0 ? -1 : json_close(j, ']');
}

/* Sorted bytewise, no item twice, each of the form that `is_valid` accepts. */
static int read_set(struct json *j, struct olos_texts *texts, check *is_valid, const char *what)
{
    TRY(read_texts(j, texts));
    for (size_t i = 0; i < texts->count; i++) {
        if (!is_valid(texts->items[i]))
            return json_refuse(j, "the list before it has an item that is no %s", what);
        if (i && strcmp(texts->items[i - 1], texts->items[i]) >= 0)
            return json_refuse(j, "the list before it is not sorted, or an item stands twice");
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    const char *first = *(char *const *)a, *second = *(char *const *)b;
    size_t length = strcspn(first, "="), other = strcspn(second, "=");
    int order = memcmp(first, second, length < other ? length : other);
    return order ? order : (length > other) - (length < other);
}

/* NAME=value, no name twice; the order is the manifest's. */
static int read_env(struct json *j, struct olos_texts *env)
{
    TRY(read_texts(j, env));
    for (size_t i = 0; i < env->count; i++)
        if (env->items[i][0] == '=' || !strchr(env->items[i], '='))
            return json_refuse(j, "env has an item without the form NAME=value");
    char **sorted = allocate(env->count, sizeof *sorted);
    memcpy(sorted, env->items, env->count * sizeof *sorted);
    qsort(sorted, env->count, sizeof *sorted, compare_names);
    bool twice = false;
    for (size_t i = 1; i < env->count; i++)
        twice |= compare_names(&sorted[i - 1], &sorted[i]) == 0;
    free(sorted);
    return twice ? json_refuse(j, "env sets a name twice") : 0;
}

static int read_checked(struct json *j, char **text, check *is_valid, const char *what)
{
    TRY(json_new_text(j, text));
    return is_valid(*text) ? 0 : json_refuse(j, "the string before it is no %s", what);
}

/* ---- sections ---- */

static int read_id(struct json *j, uint32_t *id)
{
    uint64_t value;
    TRY(json_number(j, 0, MAX_ID, &value));
    *id = (uint32_t)value;
    return 0;
}

static int read_groups(struct json *j, struct olos_app *app)
{
    size_t capacity = 0;
    int more;
    TRY(json_open(j, '['));
    while ((more = json_item(j)) > 0) {
        app->groups = grown(app->groups, app->group_count, &capacity, sizeof *app->groups);
        TRY(read_id(j, &app->groups[app->group_count]));
        if (app->group_count && app->groups[app->group_count - 1] >= app->groups[app->group_count])
            return json_refuse(j, "groups are not sorted, or one stands twice");
        app->group_count++;
    }
    return more < 0 ? -1 : json_close(j, ']');
}

static int read_user(struct json *j, struct olos_app *app)
{
    TRY(json_open(j, '{'));
    TRY(json_key(j, "gid"));
    TRY(read_id(j, &app->gid));
    TRY(json_key(j, "groups"));
    TRY(read_groups(j, app));
    TRY(json_key(j, "uid"));
    TRY(read_id(j, &app->uid));
    return json_close(j, '}');
}

static int read_app(struct json *j, struct olos_manifest *m)
{
    struct olos_app *app = &m->app;
    uint64_t signal;
    TRY(json_open(j, '{'));
    TRY(json_key(j, "args"));
    TRY(read_texts(j, &app->args));
    if (!app->args.count || !app->args.items[0][0])
        return json_refuse(j, "args names no program");
    TRY(json_key(j, "cwd"));
    TRY(read_checked(j, &app->cwd, is_absolute, "absolute path in normal form"));
    TRY(json_key(j, "env"));
    TRY(read_env(j, &app->env));
    TRY(json_key(j, "expose"));
    TRY(read_set(j, &app->expose, is_port, "port of the form 80/tcp"));
    TRY(json_key(j, "hostname"));
    TRY(read_checked(j, &app->hostname, is_hostname, "host name"));
    TRY(json_key(j, "stop_signal"));
    TRY(json_number(j, 1, 64, &signal));
    app->stop_signal = (int)signal;
    TRY(json_key(j, "user"));
    TRY(read_user(j, app));
    return json_close(j, '}');
}

static int read_record(struct json *j, struct olos_record *record)
{
    TRY(json_open(j, '{'));
    TRY(json_key(j, "path"));
    TRY(read_checked(j, &record->path, is_layout_name, "name of a file in a layout"));
    TRY(json_key(j, "sha256"));
    TRY(json_sha256(j, record->sha256));
    TRY(json_key(j, "size"));
    TRY(json_number(j, 0, JSON_MAX_INTEGER, &record->size));
    return json_close(j, '}');
}

static int read_records(struct json *j, struct olos_records *records)
{
    size_t capacity = 0;
    int more;
    TRY(json_open(j, '['));
    while ((more = json_item(j)) > 0) {
        records->items = grown(records->items, records->count, &capacity, sizeof *records->items);
        struct olos_record *record = &records->items[records->count++];
        *record = (struct olos_record){0};
        TRY(read_record(j, record));
        if (records->count > 1 && strcmp(record[-1].path, record->path) >= 0)
            return json_refuse(j, "files are not sorted, or one stands twice");
    }
    if (more == 0 && !records->count)
        return json_refuse(j, "names no file");
    return more < 0 ? -1 : json_close(j, ']');
}

static int read_crt(struct json *j, struct olos_manifest *m) { return read_records(j, &m->crt); }
static int read_kernel(struct json *j, struct olos_manifest *m) { return read_records(j, &m->kernel); }

static int read_mount(struct json *j, struct olos_mount *mount)
{
    static const char *const types[] = {"tmpfs", "host", "sealed"};
    unsigned type = 0;
    TRY(json_open(j, '{'));
    TRY(json_key(j, "read_only"));
    TRY(json_flag(j, &mount->read_only));
    TRY(json_key(j, "size"));
    TRY(json_number(j, 0, JSON_MAX_INTEGER, &mount->size));
    TRY(json_key(j, "target"));
    TRY(read_checked(j, &mount->target, is_absolute, "absolute path in normal form"));
    TRY(json_key(j, "type"));
    TRY(json_choice(j, types, 3, &type));
    mount->type = (enum olos_mount_type)type;
    return json_close(j, '}');
}

static int read_mounts(struct json *j, struct olos_policy *policy)
{
    size_t capacity = 0;
    int more;
    TRY(json_open(j, '['));
    while ((more = json_item(j)) > 0) {
        policy->mounts = grown(policy->mounts, policy->mount_count, &capacity, sizeof *policy->mounts);
        struct olos_mount *mount = &policy->mounts[policy->mount_count++];
        *mount = (struct olos_mount){0};
        TRY(read_mount(j, mount));
        if (policy->mount_count > 1 && strcmp(mount[-1].target, mount->target) >= 0)
            return json_refuse(j, "mounts are not sorted by target, or one stands twice");
    }
    return more < 0 ? -1 : json_close(j, ']');
}

static int read_identity(struct json *j, struct olos_policy *policy)
{
    uint64_t product_id, security_version;
    TRY(json_key(j, "product_id"));
    TRY(json_number(j, 0, MAX_SVN, &product_id));
    TRY(policy_read_rlimits(j, policy));
    TRY(json_key(j, "security_version"));
    TRY(json_number(j, 0, MAX_SVN, &security_version));
    policy->product_id = (uint16_t)product_id;
    policy->security_version = (uint16_t)security_version;
    return 0;
}

static int read_policy(struct json *j, struct olos_manifest *m)
{
    static const char *const credentials[] = {"none", "pem"};
    static const char *const host_args[] = {"deny", "append", "replace"};
    static const char *const targets[] = {"linux"};
    struct olos_policy *policy = &m->policy;
    unsigned choice = 0;
    TRY(json_open(j, '{'));
    TRY(json_key(j, "credentials"));
    TRY(json_choice(j, credentials, 2, &choice));
    policy->credentials = (enum olos_credentials)choice;
    TRY(json_key(j, "debug"));
    TRY(json_flag(j, &policy->debug));
    TRY(json_key(j, "host_args"));
    TRY(json_choice(j, host_args, 3, &choice));
    policy->host_args = (enum olos_host_args)choice;
    TRY(json_key(j, "host_env"));
    TRY(read_set(j, &policy->host_env, is_variable, "name of an environment variable"));
    TRY(policy_read_patterns(j, policy));
    TRY(policy_read_log_level(j, policy));
    TRY(json_key(j, "memory"));
    TRY(json_number(j, MIN_MEMORY, MAX_MEMORY, &policy->memory));
    if (policy->memory % MEBIBYTE)
        return json_refuse(j, "memory is not a multiple of 1 MiB");
    TRY(json_key(j, "mounts"));
    TRY(read_mounts(j, policy));
    TRY(policy_read_outgoing(j, policy));
    TRY(json_key(j, "ports"));
    TRY(read_set(j, &policy->ports, is_port, "port of the form 80/tcp"));
    TRY(read_identity(j, policy));
    TRY(json_key(j, "target"));
    TRY(json_choice(j, targets, 1, &choice));
    return json_close(j, '}');
}

static int read_rootfs(struct json *j, struct olos_manifest *m)
{
    static const char *const formats[] = {"olos-rootfs-1"};
    struct olos_rootfs *rootfs = &m->rootfs;
    unsigned format;
    TRY(json_open(j, '{'));
    TRY(json_key(j, "entries"));
    TRY(json_number(j, 1, JSON_MAX_INTEGER, &rootfs->entries));
    TRY(json_key(j, "format"));
    TRY(json_choice(j, formats, 1, &format));
    TRY(json_key(j, "image_size"));
    TRY(json_number(j, 4096, JSON_MAX_INTEGER, &rootfs->image_size));
    if (rootfs->image_size % 4096)
        return json_refuse(j, "image_size is not a multiple of 4096");
    TRY(json_key(j, "path"));
    TRY(read_checked(j, &rootfs->path, is_layout_name, "name of a file in a layout"));
    TRY(json_key(j, "tree_root"));
    TRY(json_sha256(j, rootfs->tree_root));
    TRY(json_key(j, "verity_root"));
    TRY(json_sha256(j, rootfs->verity_root));
    return json_close(j, '}');
}

/* In the order of the keys; `section` is the place in the order of the measurement. */
static const struct {
    const char *key;
    enum olos_section section;
    int (*read)(struct json *, struct olos_manifest *);
} sections[] = {
    {"app", OLOS_APP, read_app},          {"crt", OLOS_CRT, read_crt},
    {"kernel", OLOS_KERNEL, read_kernel}, {"policy", OLOS_POLICY, read_policy},
    {"rootfs", OLOS_ROOTFS, read_rootfs},
};

int manifest_decode(struct olos_manifest *m, const void *data, size_t size, struct olos_error *error)
{
    static const char *const schemas[] = {"olos/1"};
    struct json j;
    unsigned schema;
    *m = (struct olos_manifest){0};
    json_start(&j, data, size, "olos.json", error);
    if (size > MANIFEST_LIMIT)
        return json_refuse(&j, "%zu bytes, more than the limit of %zu", size, MANIFEST_LIMIT);
    TRY(json_open(&j, '{'));
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        TRY(json_key(&j, sections[i].key));
        size_t start = j.at;
        TRY(sections[i].read(&j, m));
        m->sections[sections[i].section] = (struct olos_bytes){j.data + start, j.at - start};
    }
    TRY(json_key(&j, "schema"));
    TRY(json_choice(&j, schemas, 1, &schema));
    TRY(json_close(&j, '}'));
    return json_end(&j);
}

static void free_texts(struct olos_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

static void free_records(struct olos_records *records)
{
    for (size_t i = 0; i < records->count; i++)
        free(records->items[i].path);
    free(records->items);
}

void manifest_free(struct olos_manifest *m)
{
    free_texts(&m->app.args);
    free_texts(&m->app.env);
    free_texts(&m->app.expose);
    free(m->app.cwd);
    free(m->app.hostname);
    free(m->app.groups);
    free_records(&m->crt);
    free_records(&m->kernel);
    free_texts(&m->policy.host_env);
    free_texts(&m->policy.ports);
    for (size_t i = 0; i < m->policy.mount_count; i++)
        free(m->policy.mounts[i].target);
    free(m->policy.mounts);
    policy_free_optional(&m->policy);
    free(m->rootfs.path);
    *m = (struct olos_manifest){0};
}
