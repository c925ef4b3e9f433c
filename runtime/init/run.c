#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/json.h"
#include "../common/policy.h"

#define LIMIT ((size_t)8 << 20) /* the target's own limit on arguments and environment is lower */
#define BLOCK 4096

static uint8_t *load(const char *path, size_t *size, struct olos_error *error)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) || status.st_size < 0 || (size_t)status.st_size > LIMIT) {
        olos_fail(error, OLOS_FAILED, "init: %s cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    *size = (size_t)status.st_size;
    uint8_t *data = allocate(*size + 1, 1);
    if (read_full(file, data, *size) != status.st_size) {
        olos_fail(error, OLOS_FAILED, "init: %s cannot be read", path);
        return NULL;
    }
    close(file);
    return data;
}

static int texts(struct json *j, struct olos_texts *texts)
{
    size_t capacity = 0;
    int more;
    if (json_open(j, '['))
        return -1;
    texts->items = grown(NULL, 0, &capacity, sizeof *texts->items);
    while ((more = json_item(j)) > 0) {
        texts->items = grown(texts->items, texts->count + 1, &capacity, sizeof *texts->items);
        if (json_new_text(j, &texts->items[texts->count++]))
            return -1;
    }
    texts->items[texts->count] = NULL;
    return more || json_close(j, ']') ? -1 : 0;
}

static int number(struct json *j, const char *key, uint64_t high, uint64_t *value)
{
    return json_key(j, key) || json_number(j, 0, high, value) ? -1 : 0;
}

/* The list of calls, and whether only those count that fail. */
static int trace(struct json *j, struct run *run, struct olos_error *error)
{
    char *list;
    if (!json_optional_key(j, "trace"))
        return 0;
    run->traced = true;
    if (json_new_text(j, &list) || trace_filter_read(&run->trace, list, error) || json_key(j, "trace_failed"))
        return -1;
    free(list);
    return json_flag(j, &run->trace.failed);
}

static int signer(struct json *j, struct run *run)
{
    run->is_signed = json_optional_key(j, "signer");
    return run->is_signed ? json_sha256(j, run->signer) : 0;
}

static int decode(struct run *run, const void *data, size_t size, struct olos_error *error)
{
    struct json j;
    uint64_t columns, rows;
    json_start(&j, data, size, "run.json", error);
    if (json_open(&j, '{') || json_key(&j, "args") || texts(&j, &run->args) ||
        number(&j, "columns", UINT16_MAX, &columns) || json_key(&j, "env") || texts(&j, &run->env) ||
        json_key(&j, "measurement") || json_sha256(&j, run->measurement) ||
        number(&j, "rootfs_offset", JSON_MAX_INTEGER, &run->rootfs.offset) ||
        number(&j, "rootfs_size", JSON_MAX_INTEGER, &run->rootfs.size) ||
        number(&j, "rows", UINT16_MAX, &rows) || signer(&j, run) || trace(&j, run, error) ||
        json_key(&j, "tty") || json_flag(&j, &run->tty) ||
        json_key(&j, "tty_stderr") || json_flag(&j, &run->tty_stderr) || json_close(&j, '}') || json_end(&j))
        return -1;
    if (run->rootfs.offset % BLOCK || run->rootfs.size % BLOCK)
        return olos_fail(error, OLOS_FAILED, "run.json: the root file system does not lie on whole blocks");
    run->columns = (uint16_t)columns;
    run->rows = (uint16_t)rows;
    return 0;
}

int run_load(struct olos_manifest *manifest, struct run *run, struct olos_error *error)
{
    size_t manifest_size, run_size;
    uint8_t *manifest_data = load("/olos/olos.json", &manifest_size, error);
    uint8_t *run_data = load("/olos/run.json", &run_size, error);
    if (!manifest_data || !run_data || manifest_decode(manifest, manifest_data, manifest_size, error))
        return -1;
    if (decode(run, run_data, run_size, error) || policy_check_supported(&manifest->policy, error))
        return -1;
    return policy_check_debug(&manifest->policy, run->traced ? "--olos-trace" : NULL, error);
}
