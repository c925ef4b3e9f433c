/* The files of a layout, in a package (docs/formats.md section 6) or in a directory (section 1). */
#pragma once

#include "file.h"
#include "manifest.h"

#define PACKAGE_TABLE_OFFSET 0x7000
#define PACKAGE_TABLE_SIZE 4096
#define PACKAGE_DIGEST_SIZE 32    /* of the digest of unrecorded files, at the end of the table */
#define PACKAGE_FIRST_BYTE 0x8000 /* no file of the package begins before it */
#define PACKAGE_SECTOR 2048       /* ISO 9660: each file begins at a multiple of it */
#define LAYOUT_MAX_FILES 63

#define LAYOUT_MANIFEST "olos.json"
#define LAYOUT_ANNOTATIONS "annotations.json"
#define LAYOUT_ROOTFS "rootfs.img"
#define LAYOUT_SIGSTRUCT "olos.sigstruct"
#define LAYOUT_SIGSTRUCT_SIZE 1808
#define LAYOUT_TARGET "target/linux"

struct olos_layout {
    bool packed;
    size_t count;
    struct olos_file files[LAYOUT_MAX_FILES]; /* sorted by name */
    /* of a package only: */
    int fd;
    uint64_t size;
    uint8_t unrecorded[PACKAGE_DIGEST_SIZE]; /* stated digest of unrecorded files; for account_package */
};

/* Names of the files of which no manifest records a digest, in the order of their digests; ends with NULL. */
extern const char *const layout_unrecorded[];

/* Read the file table of the package open at `fd`, which stays the caller's. Every extent is checked: in
   order, inside the file, no overlap. Returns 0, or -1 with `error` filled in. */
int package_open(struct olos_layout *layout, int fd, struct olos_error *error);

/* Open all files of a layout directory; links, other kinds of files and foreign names are refused.
   Descriptors are close-on-exec. Returns 0, or -1 with `error` filled in. */
int layout_open_directory(struct olos_layout *layout, const char *path, struct olos_error *error);

/* Close what layout_open_directory opened (nothing, for a package). */
void layout_close(struct olos_layout *layout);

/* The file of that name, or NULL with `error` filled in. */
const struct olos_file *layout_file(const struct olos_layout *layout, const char *name,
                                    struct olos_error *error);

/* A manifest with the bytes it was decoded from. */
struct olos_loaded_manifest {
    struct olos_manifest manifest;
    uint8_t *data;
    size_t size;
};

/* Read and decode the manifest of a layout, and check that the layout has the files that it names and
   no others. Returns 0, or -1 with `error` filled in; either way layout_free_manifest releases it. */
int layout_load_manifest(const struct olos_layout *layout, struct olos_loaded_manifest *loaded,
                         struct olos_error *error);
void layout_free_manifest(struct olos_loaded_manifest *loaded);
