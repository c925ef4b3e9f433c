/* The limits of the host for a process or container, as far as a start depends on them. */
#pragma once

#include "../common/util.h"

/* What the runtime itself takes, besides the app's memory as far as it is used. */
#define LIMITS_OWN_MEMORY (UINT64_C(32) << 20)

/* Raise what may be raised; files that grow too large are an error instead of a signal. Returns 0, or -1 with
   `error` filled in if a limit is too small for an app with `memory` bytes. */
int limits_prepare(uint64_t memory, struct olos_error *error);
