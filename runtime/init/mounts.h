/* Host mounts, seen from inside: FUSE, its messages carried to the mount server of the target and back
   (include/olos/mounts.h). */
#pragma once

#include "../common/manifest.h"

/* Open what the carrying needs, while the devices of the bare kernel can be made. Nothing without host mounts.
   Returns 0, or -1 with `error` filled in. */
int mounts_open(const struct olos_policy *policy, struct olos_error *error);

/* Mount the next host mount of the policy and carry for it from then on, in threads of init. They live as long
   as init, and nobody can kill them. Returns 0, or -1 with `error` filled in. */
int mounts_add(const struct olos_mount *mount, struct olos_error *error);

/* When no process of the app is left: write what it has changed in memory (mmap) to the files of the host. */
void mounts_finish(void);
