#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/util.h"

#define READ_AT_ONCE 4096
#define END_OF_ADDRESSES (UINT64_C(1) << 47)

static int open_file(pid_t pid, const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return open(path, flags | O_CLOEXEC);
}

int caller_open(struct caller *caller, pid_t pid)
{
    caller->memory = open_file(pid, "mem", O_RDWR);
    caller->map = open_file(pid, "maps", O_RDONLY);
    if (caller->memory >= 0 && caller->map >= 0)
        return 0;
    int code = -errno;
    caller_close(caller);
    return code;
}

void caller_close(const struct caller *caller)
{
    if (caller->memory >= 0)
        close(caller->memory);
    if (caller->map >= 0)
        close(caller->map);
}

/* One line of proc(5) maps, "from-to rwxp …". Returns whether it is one. */
static bool read_area(const char *line, uint64_t *from, uint64_t *to, const char **rights)
{
    char *end;
    *from = strtoull(line, &end, 16);
    if (end == line || *end != '-')
        return false;
    line = end + 1;
    *to = strtoull(line, &end, 16);
    *rights = end + 1;
    return end != line && *end == ' ';
}

/* Take what a line says of the bytes that are still to be found. Areas come in the order of their addresses. Returns
   1 to go on, else the result. */
static int look_at(const char *line, struct span *left, bool write)
{
    uint64_t from, to;
    const char *rights;
    if (!read_area(line, &from, &to, &rights))
        return -EFAULT;
    if (to <= left->address)
        return 1;
    if (from > left->address || rights[write ? 1 : 0] == '-')
        return -EFAULT;
    uint64_t found = to - left->address;
    if (found >= left->size)
        return 0;
    left->address += found;
    left->size -= found;
    return 1;
}

/* Through /proc/PID/mem the supervisor could write what the caller itself may only read. */
int caller_check(const struct caller *caller, struct span span, bool write)
{
    char text[READ_AT_ONCE + 1];
    size_t have = 0;
    int code = 1;
    if (span.size == 0)
        return 0;
    if (span.address >= END_OF_ADDRESSES || span.size > END_OF_ADDRESSES - span.address || lseek(caller->map, 0, SEEK_SET))
        return -EFAULT;
    while (code > 0) {
        ssize_t count = read(caller->map, text + have, READ_AT_ONCE - have);
        if (count <= 0)
            return -EFAULT;
        have += (size_t)count;
        text[have] = '\0';
        char *line = text, *end;
        for (; code > 0 && (end = strchr(line, '\n')); line = end + 1)
            code = look_at(line, &span, write);
        have -= (size_t)(line - text);
        if (have == READ_AT_ONCE)
            return -EFAULT; /* a name of 4096 bytes, escaped: nobody has buffers in such a file */
        memmove(text, line, have);
    }
    return code;
}

int caller_read(const struct caller *caller, struct span span, void *data)
{
    int code = caller_check(caller, span, false);
    if (code || span.size == 0)
        return code;
    return pread_full(caller->memory, data, span.size, span.address) == (ssize_t)span.size ? 0 : -EFAULT;
}

int caller_write(const struct caller *caller, struct span span, const void *data)
{
    int code = caller_check(caller, span, true);
    if (code || span.size == 0)
        return code;
    return pwrite(caller->memory, data, span.size, (off_t)span.address) == (ssize_t)span.size ? 0 : -EFAULT;
}

bool spans_overlap(struct span one, struct span other)
{
    return one.size && other.size && one.address < other.address + other.size &&
           other.address < one.address + one.size;
}
