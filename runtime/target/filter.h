/* The system call filter of the kernel's processes, made from the list of TCALLs. */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

#define FILTER_ROOM 512

struct filter {
    struct sock_filter code[FILTER_ROOM];
    unsigned short count;
    uint32_t channel; /* what TCALL_CHANNEL stands for */
};

/* Make the filter for the calling process. `at_boot` is its decision about what only a kernel that boots may
   ask for: SECCOMP_RET_USER_NOTIF or SECCOMP_RET_ALLOW. What is on no list is refused. */
void filter_make(struct filter *filter, int channel, uint32_t at_boot);
