/* What debug builds tell a person who wants to look into the kernel (docs/debugging.md). */
#pragma once

#include <sys/types.h>

/* Say on standard error how to attach a debugger to the kernel, the child of the guard. */
void debug_tell_of_gdb(pid_t guard);
