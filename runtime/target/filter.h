/* The system call filter of the kernel's processes, made from the list of TCALLs. */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_ROOM 512

struct filter {
    struct sock_filter code[FILTER_ROOM];
    unsigned short count;
    int channel, frames; /* what TCALL_CHANNEL and TCALL_FRAMES stand for */
};

/* Make the filter for the calling process. `frames` is -1 if it has no network. `at_boot` is its decision about what only a kernel that boots may
   ask for: SECCOMP_RET_USER_NOTIF or SECCOMP_RET_ALLOW. What is on no list is refused. */
void filter_make(struct filter *filter, int channel, int frames, uint32_t at_boot);

/* Make a filter that allows these system calls. Any other ends the process. */
void filter_make_plain(struct filter *filter, const uint32_t *numbers, size_t count);
