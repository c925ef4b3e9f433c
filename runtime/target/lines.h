/* The lines between the target and the kernel: the target's ends of struct kernel_lines. */
#pragma once

#include "kernel.h"

struct lines {
    int control, stdout_line, stderr_line, log;
    uint8_t *slots; /* of standard input, in memory that both see */
    int channel;
};

/* Make all lines. The kernel's ends are inherited by it, but for the channel. Dies if there are none. */
void lines_open(struct lines *lines, struct kernel_lines *kernels);

/* Once the kernel has its ends, nobody else needs them. */
void lines_close_kernels(const struct kernel_lines *kernels);
