/* What the control group of this process, as of a container, leaves to it (cgroups(7), version 1 or 2). */
#pragma once

#include <stdint.h>

/* No limit, or none that can be seen. */
#define CGROUP_UNLIMITED UINT64_MAX

/* The limit for memory, in bytes. */
uint64_t cgroup_memory(void);

/* How many more processes and threads there may be. */
uint64_t cgroup_processes(void);
