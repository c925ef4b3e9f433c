/* The system calls of the TEE: a filter in the app's processes hands them to a thread of init (seccomp_unotify(2)). */
#pragma once

#include "../common/util.h"

/* In the app's first process, while it has CAP_SYS_ADMIN: install the filter, for it and all that it starts, and
   send the descriptor of its notifications over a socket. Returns 0, or -1 with errno set. */
int tee_syscalls_offer(int channel);

/* In init: take the descriptor and serve from then on, in a thread that lives as long as init. Returns 0, or -1 with
   `error` filled in. */
int tee_syscalls_serve(int channel, struct olos_error *error);
