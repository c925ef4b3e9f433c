/* A process between the target and the kernel that outlives the target just long enough to end all the
   kernel's processes, however the target ends. */
#pragma once

#include "kernel.h"
#include "network.h"
#include "terminal.h"

struct guard {
    pid_t pid;
    bool apart;    /* it is the first of a process namespace */
    pid_t kernel;  /* and its process group, as the guard sees it */
    int life;      /* the guard ends the kernel when this is closed */
    int report;    /* readable when the kernel has ended */
};

/* Start the guard, and the kernel and its network in it. Returns 0, or -1 with `error` filled in. */
int guard_start(struct guard *guard, const struct kernel *kernel, const struct network *network,
                const struct terminal *terminal, struct olos_error *error);

/* End the kernel with all its processes and wait until they are gone. */
void guard_end(struct guard *guard);
