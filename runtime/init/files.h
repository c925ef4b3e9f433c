/* Files that every run has: those in /etc that engines write too, and /run/olos/tee.json. */
#pragma once

#include "run.h"

/* Called inside the new root, when all is mounted. */
int files_write(const struct olos_manifest *manifest, const struct run *run, struct olos_error *error);
