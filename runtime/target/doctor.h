/* --olos-doctor: what this host offers to a package, what it lacks, and what that costs (docs/hosts.md). */
#pragma once

#include "../common/package.h"

/* Print one finding per line, with cost and cure below where there are any. `layout` may be NULL: then nothing
   is known of the app's memory. Returns 0 if packages can run here, or -1 with `error` filled in. */
int answer_doctor(const struct olos_layout *layout, struct olos_error *error);
