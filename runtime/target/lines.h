/* The lines between the target and the kernel: the target's ends of struct kernel_lines. */
#pragma once

#include "kernel.h"

struct lines {
    int control, stdout_line, stderr_line, log;
    uint8_t *slots; /* of standard input, in memory that both see */
    int channel;
    int mount_requests, mount_notices; /* -1 without host mounts */
    uint8_t *mount_slots;
    int tee_requests, tee_answers;
    uint8_t *tee_slot;
};

/* Make all lines, those of host mounts only if there are some. The kernel's ends are inherited by it, but for the
   channel. Dies if there are none. */
void lines_open(struct lines *lines, struct kernel_lines *kernels, bool host_mounts);

/* Once the kernel has its ends, nobody else needs them. */
void lines_close_kernels(const struct kernel_lines *kernels);

/* The same for the ends of the mount server. */
void lines_close_mounts(struct lines *lines);
