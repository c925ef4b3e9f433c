#include "debug.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* In a process namespace of its own the kernel has another number than the one that we see. Returns 0 if it cannot
   be found. */
static long first_child(pid_t parent)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    return count > 0 ? strtol(text, NULL, 10) : 0;
}

void debug_tell_of_gdb(pid_t guard)
{
    long kernel = first_child(guard);
    if (!kernel) /* a host without CONFIG_PROC_CHILDREN */
        dprintf(STDERR_FILENO, "olos: the kernel is a child of process %d\n", guard);
    else
        dprintf(STDERR_FILENO, "olos: the kernel is process %ld\n"
                "  gdb -p %ld -ex 'handle SIGSEGV SIGALRM SIGIO SIGUSR1 nostop noprint pass'\n", kernel, kernel);
}
