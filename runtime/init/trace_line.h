/* One line of a trace: a call with its arguments and its result. */
#pragma once

#include <sys/types.h>

#include "../common/syscalls.h"

#define TRACE_LINE 1024

struct trace_call {
    uint64_t number;
    uint64_t arguments[6];
    struct syscall_entry entry;
    size_t next; /* the first argument that is not yet in the text */
    size_t size;
    bool cut; /* there is more than the line holds */
    char text[TRACE_LINE];
};

/* Begin a line with what is known at the entry: memory that the call will fill is still to come. */
void trace_line_begin(struct trace_call *call, pid_t process);

/* The rest of the line. */
void trace_line_end(struct trace_call *call, pid_t process, int64_t result);
void trace_line_end_unknown(struct trace_call *call, pid_t process);

/* Lines of other kinds. */
void trace_line_signal(pid_t process, int number);
void trace_line_exit(pid_t process, int status);

/* Wait until all is written. */
void trace_line_flush(void);
