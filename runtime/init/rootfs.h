/* The root file system: from the extent of the package to `/` of the app. */
#pragma once

#include "../common/manifest.h"

/* Load the modules that came with the kernel, in the order of their names. */
int modules_load(struct olos_error *error);

struct extent { /* bytes; multiples of a block */
    uint64_t offset, size;
};

/* Open the image at `extent` of the first block device through dm-verity, put a writable layer in memory
   over it and make that the root directory. */
int rootfs_enter(const struct olos_rootfs *rootfs, const struct extent *extent, struct olos_error *error);
