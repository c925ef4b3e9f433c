/* The measured values of a root file system image (docs/formats.md section 2). */
#pragma once

#include "package.h"

struct rootfs_roots {
    uint8_t verity_root[32], tree_root[32];
    uint64_t entries;
};

/* Recompute everything from the first `image_size` bytes of the file, and compare the stored superblock and
   hash tree. Returns 0, or -1 with `error` filled in. */
int rootfs_measure(const struct olos_file *file, uint64_t image_size, struct rootfs_roots *roots,
                   struct olos_error *error);
