#include "watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/util.h"

#define MAX_LIST (256 * 1024) /* of a line of process ids, longer than any host's limit of processes makes one */

/* proc(5). The text of a small file of /proc, empty if it cannot be read. */
static void read_text(const char *path, char *text, size_t room)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read_full(file, text, room - 1);
    text[count < 0 ? 0 : count] = '\0';
    if (file >= 0)
        close(file);
}

/* The state stands behind the name, which may hold anything, in brackets. */
static bool is_dead(long pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_text(path, text, sizeof text);
    const char *name_end = strrchr(text, ')');
    return name_end && strncmp(name_end, ") Z", 3) == 0;
}

/* The ids are those of the namespace of /proc, whatever namespace the caller is in. */
static pid_t find_dead(void)
{
    static char list[MAX_LIST];
    char path[80], *at = list, *end;
    read_text("/proc/thread-self/children", list, sizeof list);
    long kernel = strtol(list, NULL, 10);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", kernel, kernel);
    read_text(path, list, sizeof list);
    for (long pid; (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
        if (is_dead(pid))
            return (pid_t)pid;
    return 0;
}

bool watch_finds_dead(struct watch *watch)
{
    pid_t before = watch->dead;
    watch->dead = find_dead();
    return watch->dead && watch->dead == before;
}
