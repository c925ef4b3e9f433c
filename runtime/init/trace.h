/* The system calls of the app, shown by a process of their own (docs/debugging.md). In debug builds only. */
#pragma once

#include <sys/types.h>

#include "../common/trace_filter.h"

/* Follow a process and all that it starts, from its next execve on. Writes a byte to `gate` when it may go on; if
   it cannot be followed, `gate` is closed without. The lines go to the kernel's console, which is its log. Returns
   0, or -1 with `error` filled in. */
int trace_start(pid_t process, int gate, const struct trace_filter *filter, struct olos_error *error);
