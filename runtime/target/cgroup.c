#include "cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "/sys/fs/cgroup"
#define PATH_ROOM 4096

/* A number in a file; "max", no file, and nothing of sense are no limit. */
static uint64_t read_number(const char *folder, const char *name)
{
    char path[PATH_ROOM];
    unsigned long long value = CGROUP_UNLIMITED;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_ROOM)
        return CGROUP_UNLIMITED;
    FILE *file = fopen(path, "re");
    if (!file)
        return CGROUP_UNLIMITED;
    if (fscanf(file, "%llu", &value) != 1)
        value = CGROUP_UNLIMITED;
    fclose(file);
    return value;
}

/* Where the two versions keep a limit, and how much of it is used. */
struct names {
    const char *controller, *limit, *old_limit, *used; /* used: or NULL, if all of the limit counts */
};

static uint64_t left(const char *folder, const char *limit_name, const char *used_name)
{
    uint64_t limit = read_number(folder, limit_name);
    uint64_t used = used_name && limit != CGROUP_UNLIMITED ? read_number(folder, used_name) : 0;
    if (used == CGROUP_UNLIMITED)
        return limit;
    return limit > used ? limit - used : 0;
}

/* A limit holds for all groups below: the least from `folder` up to the root, `fixed` characters long. */
static uint64_t least_up(char *folder, size_t fixed, const char *limit_name, const char *used_name)
{
    uint64_t least = CGROUP_UNLIMITED;
    for (;;) {
        uint64_t here = left(folder, limit_name, used_name);
        if (here < least)
            least = here;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < fixed)
            return least;
        *slash = 0;
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
        if (strncmp(list, word, length) == 0 && (list[length] == ',' || !list[length]))
            return true;
    return false;
}

/* A line of /proc/self/cgroup: id, controllers (none in version 2), path. */
static uint64_t of_line(char *line, const struct names *names)
{
    char folder[PATH_ROOM];
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return CGROUP_UNLIMITED;
    *path++ = 0;
    path[strcspn(path, "\n")] = 0;
    bool old = *++controllers != 0;
    if (old && !has_word(controllers, names->controller))
        return CGROUP_UNLIMITED;
    int fixed = snprintf(folder, sizeof folder, old ? ROOT "/%s" : ROOT, names->controller);
    if (strlen(path) >= sizeof folder - (size_t)fixed)
        return CGROUP_UNLIMITED;
    strcpy(folder + fixed, path);
    return least_up(folder, (size_t)fixed, old ? names->old_limit : names->limit, names->used);
}

static uint64_t find(const struct names *names)
{
    char line[PATH_ROOM];
    uint64_t least = CGROUP_UNLIMITED;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        uint64_t here = of_line(line, names);
        if (here < least)
            least = here;
    }
    if (file)
        fclose(file);
    return least;
}

uint64_t cgroup_memory(void)
{
    static const struct names names = {"memory", "memory.max", "memory.limit_in_bytes", NULL};
    return find(&names);
}

uint64_t cgroup_processes(void)
{
    static const struct names names = {"pids", "pids.max", "pids.max", "pids.current"};
    return find(&names);
}
