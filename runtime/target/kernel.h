/* User-Mode Linux as a process: its command line, its environment, its limits. */
#pragma once

#include "../common/manifest.h"
#include "app_memory.h"
#include "boot.h"

/* The kernel's ends of its lines. */
struct kernel_lines {
    int control, stdout_line, stderr_line, log;
    int slots;   /* of standard input, a file in memory */
    int mount_requests, mount_notices, mount_slots; /* of host mounts, or -1 */
    int tee_requests, tee_answers; /* of the TEE */
    int frames;  /* of the network device, or -1 */
    int channel; /* takes the filter's questions; see confine.h */
};

/* What does not change once the process is prepared. */
struct kernel {
    const struct boot *boot;
    struct kernel_lines lines;
    uint64_t memory; /* bytes */
    char memory_directory[MEMORY_DIRECTORY_ROOM]; /* or empty */
};

/* Become the kernel. Returns only on failure, with errno set. */
void kernel_execute(const struct kernel *kernel);
