/* All that the kernel is started with, checked against the manifest and in memory. */
#pragma once

#include "../common/package.h"
#include "text.h"

#define BOOT_MAX_LIBRARIES 16

/* Descriptors that the kernel inherits. */
struct boot {
    int kernel;
    int interpreter; /* -1: the kernel is linked statically */
    int libraries[BOOT_MAX_LIBRARIES];
    size_t library_count;
    int initrd;
    int rootfs; /* the package, or the image */
};

/* Load kernel and crt. `run` is the content of /olos/run.json. Returns 0, or -1 with `error` filled in. */
int boot_load(struct boot *boot, const struct olos_layout *layout, const struct olos_loaded_manifest *loaded,
              const struct text *run, struct olos_error *error);

/* The image's file, after a look at what can be checked in constant time: its size, the superblock of
   dm-verity, the root. NULL with `error` filled in. */
const struct olos_file *boot_check_rootfs(const struct olos_layout *layout, const struct olos_rootfs *rootfs,
                                          struct olos_error *error);
