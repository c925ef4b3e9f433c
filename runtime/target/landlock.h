/* Landlock: a wall behind the system call filter, in Linux since 5.13 (landlock(7)). */
#pragma once

/* Take from the calling process, for good, all files but those that a kernel opens while it boots: the package
   or image at `package`, and its memory in a directory of its own choice. And, as far as the host has it: binding and
   connecting, and signals to processes that it has not started itself. Needs no_new_privs. Returns 0, also if
   the host has no Landlock, or -1 with errno set. */
int landlock_enter(int package, const char *memory_directory);
