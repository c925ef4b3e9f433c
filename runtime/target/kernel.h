/* User-Mode Linux as a process: its command line, its environment, its limits. */
#pragma once

#include "../common/manifest.h"
#include "boot.h"

/* The kernel's ends of its lines. */
struct kernel_lines {
    int control, stdout_line, stderr_line, log;
    int slots;   /* of standard input, a file in memory */
    int mount_requests, mount_notices, mount_slots; /* of host mounts, or -1 */
    int frames;  /* of the network device, or -1 */
    int channel; /* takes the filter's questions; see confine.h */
};

/* What does not change once the process is prepared. */
struct kernel {
    const struct boot *boot;
    struct kernel_lines lines;
    uint64_t memory; /* bytes */
    char memory_directory[512];
};

/* Find a directory for the kernel's memory. Returns 0, or -1 with `error` filled in. */
int kernel_find_memory(struct kernel *kernel, struct olos_error *error);

/* Become the kernel. Returns only on failure, with errno set. */
void kernel_execute(const struct kernel *kernel);
