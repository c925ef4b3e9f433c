/* The measured values of a root file system image (docs/formats.md section 2). */
#pragma once

#include "file.h"

struct rootfs_roots {
    uint8_t verity_root[32], tree_root[32];
    uint64_t entries;
};

/* Recompute everything from the first `image_size` bytes of the file, and compare the stored superblock and
   hash tree. Returns 0, or -1 with `error` filled in. */
int rootfs_measure(const struct olos_file *file, uint64_t image_size, struct rootfs_roots *roots,
                   struct olos_error *error);

/* Called now and then while a tree is hashed, with the number of entries so far. Returns 0, or -1 with `error`
   filled in, which ends the work. */
typedef int rootfs_watch(void *context, uint64_t entries, struct olos_error *error);

/* The tree root and the number of entries alone; the hash tree behind the image, from which the digests of
   contents are taken, must have been checked. `watch` may be NULL. Returns 0, or -1 with `error` filled in. */
int rootfs_tree(const struct olos_file *file, uint64_t image_size, rootfs_watch *watch, void *context,
                struct rootfs_roots *roots, struct olos_error *error);
