#include "mount_sources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTION "--olos-mount"

/* The source, if `text` is TARGET=SOURCE with this target. */
static const char *source_for(const char *text, const char *target)
{
    size_t length = strlen(target);
    return strncmp(text, target, length) == 0 && text[length] == '=' ? text + length + 1 : NULL;
}

static const struct olos_mount *find_mount(const struct olos_policy *policy, const char *text)
{
    for (size_t i = 0; i < policy->mount_count; i++)
        if (policy->mounts[i].type == OLOS_MOUNT_HOST && source_for(text, policy->mounts[i].target))
            return &policy->mounts[i];
    return NULL;
}

static int check_given(const struct olos_policy *policy, const struct olos_texts *given, struct olos_error *error)
{
    for (size_t i = 0; i < given->count; i++) {
        const char *text = given->items[i];
        if (!strchr(text, '='))
            return olos_fail(error, OLOS_USAGE, OPTION " %.200s: is not TARGET=DIRECTORY", text);
        if (!find_mount(policy, text))
            return olos_fail(error, OLOS_USAGE, OPTION " %.200s: the measured policy has no host mount there", text);
    }
    return 0;
}

static int find_source(const char **source, const struct olos_mount *mount, const struct olos_texts *given,
                       struct olos_error *error)
{
    *source = NULL;
    for (size_t i = 0; i < given->count; i++) {
        const char *found = source_for(given->items[i], mount->target);
        if (found && *source)
            return olos_fail(error, OLOS_USAGE, OPTION " %.200s: is given twice", mount->target);
        if (found)
            *source = found;
    }
    if (*source)
        return 0;
    return olos_fail(error, OLOS_USAGE, "policy.mounts: %.200s: needs a directory of the host\n  hint: " OPTION
                     " %.200s=DIRECTORY", mount->target, mount->target);
}

/* Opening it as the server will, once for each, so that a start fails rather than the app. */
static int open_source(int *directory, const char *source, bool read_only, struct olos_error *error)
{
    *directory = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int readable = *directory < 0 ? -1 : openat(*directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0)
        return olos_fail(error, OLOS_USAGE, OPTION ": directory %.300s cannot be opened: %s", source,
                         strerror(errno));
    int code = read_only ? 0 : faccessat(readable, ".", W_OK, AT_EACCESS);
    close(readable);
    if (code)
        return olos_fail(error, OLOS_USAGE, OPTION ": directory %.300s cannot be written, as the policy lets the "
                         "app: %s", source, strerror(errno));
    return 0;
}

int mount_sources_open(struct mount_sources *sources, const struct olos_policy *policy,
                       const struct olos_texts *given, struct olos_error *error)
{
    *sources = (struct mount_sources){0};
    if (check_given(policy, given, error))
        return -1;
    for (size_t i = 0; i < policy->mount_count; i++) {
        const struct olos_mount *mount = &policy->mounts[i];
        const char *source;
        if (mount->type != OLOS_MOUNT_HOST)
            continue;
        int *directory = &sources->items[sources->count].directory;
        if (find_source(&source, mount, given, error) || open_source(directory, source, mount->read_only, error))
            return -1;
        sources->items[sources->count++].read_only = mount->read_only;
    }
    return 0;
}
