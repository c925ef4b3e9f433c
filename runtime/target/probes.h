/* Trying what a start needs of the host, in child processes that leave nothing behind. */
#pragma once

#include "confine.h"

/* Trace a child and answer a system call in its place, as the kernel does with the app's. Returns 0 or an
   errno. */
int probe_ptrace(void);

/* Start a program from a file in memory. Returns 0 or an errno. */
int probe_program_in_memory(void);

/* Memory that can be written and executed, as the kernel maps its own. Returns 0 or an errno. */
int probe_executable_memory(void);

/* What a child could do with system call filters. */
enum confine_ability probe_filter(void);

/* Whether a process namespace can be had; else an errno. */
int probe_namespace(void);
