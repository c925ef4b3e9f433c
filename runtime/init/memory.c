#include "memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int memory_open(void)
{
    return open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
}

uint64_t memory_victims(int counters)
{
    static const char name[] = "\noom_kill ";
    static char text[16384]; /* all counters, one a line */
    ssize_t count = counters < 0 ? -1 : pread_full(counters, text, sizeof text - 1, 0);
    text[count < 0 ? 0 : count] = '\0';
    const char *found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}
