/* What an app finds around it, as in a Linux container: /dev, /proc, /sys, names, limits of the kernel. */
#pragma once

#include "run.h"

/* Called inside the new root. `devices` is a file: what opens it and writes 0 may use the devices of a
   container from then on and no others. Returns 0, or -1 with `error` filled in. */
int system_set_up(const struct olos_manifest *manifest, int *devices, struct olos_error *error);

/* Make read-only what the policy wants so, once nothing has to be written there any more. */
int system_seal(const struct olos_policy *policy, struct olos_error *error);

/* A directory and its missing parents, mode 0755. Returns 0 or a negative errno. */
int make_directories(const char *path);
