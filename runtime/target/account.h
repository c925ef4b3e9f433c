/* Accounting for what lies in a package besides the files that its manifest records. */
#pragma once

#include "../common/package.h"

/* Compare the unrecorded files of a package with their digest in the file table, and the padding between and
   behind the files with zero (docs/formats.md section 6). Launcher and ISO structures are not looked at: what
   they must be is known to `olos verify`. Nothing to do for a directory. Returns 0, or -1 with `error` filled
   in for the first difference. */
int account_package(const struct olos_layout *layout, struct olos_error *error);
