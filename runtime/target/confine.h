/* What the kernel's process may ask of the host (docs/tcall.md). */
#pragma once

#include "../common/util.h"

/* Give up all rights, and pass a system call filter and Landlock rules into the calling process for good. It may
   open `package` again and make its memory in `memory_directory`. The descriptor on which
   the filter asks is sent over `channel`, a socket; -1 is sent where the host has no such filters, and then
   the filter decides alone. Returns 0, or -1 with errno set. */
int confine_enter(int channel, int package, const char *memory_directory);

/* Receive that descriptor. Returns it, or -1 if there is none: then `channel` has failed, or
   the filter does not ask. */
int confine_receive(int channel);

/* Answer one question: yes while the kernel boots, no once the app may run. Returns the number of a system
   call that was refused, or -1. */
int confine_answer(int questions, bool booting);
