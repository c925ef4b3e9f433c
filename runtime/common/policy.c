#include "policy.h"

#include <stdlib.h>
#include <string.h>

#include "../include/olos/mounts.h"
#include "pattern.h"

static void append(struct olos_texts *texts, char *text)
{
    texts->items[texts->count++] = text;
}

static struct olos_texts with_room(size_t count)
{
    return (struct olos_texts){.items = allocate(count + 1, sizeof(char *))};
}

/* The length of NAME in NAME=value. */
static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

static bool same_name(const char *variable, const char *other)
{
    size_t length = name_length(variable);
    return variable[length] == '=' && name_length(other) == length && strncmp(variable, other, length) == 0;
}

static bool is_let_in(const struct olos_policy *policy, const char *variable)
{
    for (size_t i = 0; i < policy->host_env.count; i++)
        if (same_name(variable, policy->host_env.items[i]))
            return true;
    return false;
}

static const char *find(const struct olos_texts *texts, const char *variable)
{
    for (size_t i = 0; i < texts->count; i++)
        if (same_name(variable, texts->items[i]))
            return texts->items[i];
    return NULL;
}

static int apply_args(const struct olos_manifest *manifest, const struct olos_texts *host,
                      struct olos_texts *args, struct olos_error *error)
{
    const struct olos_texts *own = &manifest->app.args;
    if (host->count && manifest->policy.host_args == OLOS_ARGS_DENY)
        return olos_fail(error, OLOS_USAGE,
                         "argument %.80s: the measured policy takes no arguments from the host\n"
                         "  hint: build with policy.host_args = \"append\" or \"replace\" to allow them",
                         host->items[0]);
    bool replace = host->count && manifest->policy.host_args == OLOS_ARGS_REPLACE;
    *args = with_room(own->count + host->count);
    for (size_t i = 0; i < (replace ? 1 : own->count); i++)
        append(args, own->items[i]);
    for (size_t i = 0; i < host->count; i++)
        append(args, host->items[i]);
    return 0;
}

/* The whole value must match the pattern, if there is one. */
static int check_value(const struct olos_policy *policy, const char *variable, struct olos_error *error)
{
    for (size_t i = 0; i < policy->pattern_count; i++) {
        const char *name = policy->patterns[i].name, *text = policy->patterns[i].text;
        if (!same_name(variable, name))
            continue;
        struct pattern *pattern = allocate(1, sizeof *pattern);
        bool matches = !pattern_compile(pattern, text) && pattern_matches(pattern, variable + strlen(name) + 1);
        free(pattern);
        if (!matches) /* the value may be a secret */
            return olos_fail(error, OLOS_USAGE,
                             "environment variable %.80s: its value does not match the measured policy\n"
                             "  hint: policy.host_env_patterns lets in %s", name, text);
    }
    return 0;
}

#define RESERVED "OLOS_"

/* What the runtime says of itself nobody else may say. */
static int check_reserved(const struct olos_texts *names, const char *where, struct olos_error *error)
{
    for (size_t i = 0; i < names->count; i++)
        if (strncmp(names->items[i], RESERVED, strlen(RESERVED)) == 0)
            return olos_fail(error, OLOS_USAGE, "%s: %.*s: names that begin with " RESERVED " belong to the runtime",
                             where, (int)name_length(names->items[i]), names->items[i]);
    return 0;
}

static int apply_env(const struct olos_manifest *manifest, const struct olos_texts *host,
                     struct olos_texts *env, struct olos_error *error)
{
    const struct olos_texts *own = &manifest->app.env;
    *env = with_room(own->count + host->count);
    for (size_t i = 0; i < own->count; i++)
        if (!find(host, own->items[i]))
            append(env, own->items[i]);
    for (size_t i = 0; i < host->count; i++) {
        if (!is_let_in(&manifest->policy, host->items[i]) || find(env, host->items[i]))
            return olos_fail(error, OLOS_USAGE, "environment variable %.*s: not let in by policy.host_env",
                             (int)name_length(host->items[i]), host->items[i]);
        if (check_value(&manifest->policy, host->items[i], error))
            return -1;
        append(env, host->items[i]);
    }
    return 0;
}

int policy_apply(const struct olos_manifest *manifest, const struct olos_texts *host_args,
                 const struct olos_texts *host_env, struct olos_invocation *invocation,
                 struct olos_error *error)
{
    if (check_reserved(&manifest->app.env, "app.env", error) ||
        check_reserved(&manifest->policy.host_env, "policy.host_env", error) ||
        apply_args(manifest, host_args, &invocation->args, error))
        return -1;
    return apply_env(manifest, host_env, &invocation->env, error);
}

struct olos_texts policy_host_env(const struct olos_policy *policy, char *const *environment)
{
    struct olos_texts result = with_room(policy->host_env.count);
    for (; *environment; environment++)
        if (is_let_in(policy, *environment) && !find(&result, *environment))
            append(&result, *environment);
    return result;
}

static bool is_at_or_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int check_mount(const struct olos_mount *mount, struct olos_error *error)
{
    static const char *const own[] = {"/proc", "/sys", "/dev", "/run/olos"};
    if (mount->type == OLOS_MOUNT_SEALED)
        return olos_fail(error, OLOS_USAGE, "policy.mounts: %s: the linux target has no mounts of type sealed yet",
                         mount->target);
    if (mount->type == OLOS_MOUNT_HOST && mount->size)
        return olos_fail(error, OLOS_USAGE, "policy.mounts: %s: a host mount has no size", mount->target);
    if (mount->type == OLOS_MOUNT_HOST && strchr(mount->target, '='))
        return olos_fail(error, OLOS_USAGE, "policy.mounts: %s: the target of a host mount has no '='",
                         mount->target);
    bool taken = strcmp(mount->target, "/") == 0;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        taken = taken || is_at_or_below(mount->target, own[i]);
    if (taken)
        return olos_fail(error, OLOS_USAGE, "policy.mounts: %s: cannot be covered by a mount", mount->target);
    return 0;
}

static size_t count_host_mounts(const struct olos_policy *policy)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->mount_count; i++)
        count += policy->mounts[i].type == OLOS_MOUNT_HOST;
    return count;
}

bool policy_has_host_mounts(const struct olos_policy *policy)
{
    return count_host_mounts(policy) > 0;
}

int policy_check_supported(const struct olos_policy *policy, struct olos_error *error)
{
    for (size_t i = 0; i < policy->mount_count; i++)
        if (check_mount(&policy->mounts[i], error))
            return -1;
    if (count_host_mounts(policy) > MOUNT_MAX)
        return olos_fail(error, OLOS_USAGE, "policy.mounts: more than %d host mounts", MOUNT_MAX);
    for (size_t i = 0; i < policy->ports.count; i++)
        if (strstr(policy->ports.items[i], "/sctp"))
            return olos_fail(error, OLOS_USAGE, "policy.ports: %s: only tcp and udp can be published",
                             policy->ports.items[i]);
    return 0;
}

int policy_check_debug(const struct olos_policy *policy, const char *option, struct olos_error *error)
{
    if (!option || policy->debug)
        return 0;
    return olos_fail(error, OLOS_USAGE, "%s: the measured policy is that of a production build\n"
                     "  hint: build a twin with olos build --debug; it has another measurement", option);
}
