/* Whether all processes of the kernel live. Somebody else may end one of them, the host's killer in lack of
   memory for instance; the kernel does not notice, and waits for it for ever. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define WATCH_PAUSE_MS 1000

struct watch {
    pid_t dead; /* at the last look */
};

/* Look. True if one is dead now and was at the last look: the kernel itself takes away at once what it ends.
   False as well where /proc does not tell. Called by the parent of the kernel, whose oldest child it is. */
bool watch_finds_dead(struct watch *watch);
