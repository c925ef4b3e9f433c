/* The programs that a kernel starts by itself: one for each device that it finds, one for each module. */
#pragma once

#include "../common/util.h"

/* Have it start none: each takes half a millisecond, and once the app's root is entered they would be the
   app's programs, run with all rights. Returns 0, or -1 with `error` filled in. */
int helpers_disable(struct olos_error *error);
