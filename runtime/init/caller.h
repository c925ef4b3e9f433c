/* The memory of a process that has made a system call of ours, read and written by its addresses.

   It is held by open files, so that they stay those of this memory: when the process ends, or executes another
   program, whoever gets its number is never touched. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct caller {
    int memory, map;
};

/* A run of its bytes. */
struct span {
    uint64_t address, size;
};

/* Open the memory of a process. Whether the process was still the caller must be asked after that. Returns 0 or a
   negative errno; after 0 caller_close releases it. */
int caller_open(struct caller *caller, pid_t pid);
void caller_close(const struct caller *caller);

/* Whether the caller itself could read, or write, these bytes. Returns 0 or -EFAULT. */
int caller_check(const struct caller *caller, struct span span, bool write);

/* Copy a whole span. Return 0 or -EFAULT. */
int caller_read(const struct caller *caller, struct span span, void *data);
int caller_write(const struct caller *caller, struct span span, const void *data);

/* Whether two spans have a byte in common. */
bool spans_overlap(struct span one, struct span other);
