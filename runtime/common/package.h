/* The files of a layout, in a package (docs/formats.md section 6) or in a directory (section 1). */
#pragma once

#include "manifest.h"

#define PACKAGE_TABLE_OFFSET 0x7000
#define PACKAGE_TABLE_SIZE 4096
#define PACKAGE_FIRST_BYTE 0x8000 /* no file of the package begins before it */
#define LAYOUT_MAX_FILES 63
#define LAYOUT_MAX_NAME 47

#define LAYOUT_MANIFEST "olos.json"
#define LAYOUT_ANNOTATIONS "annotations.json"
#define LAYOUT_ROOTFS "rootfs.img"
#define LAYOUT_TARGET "target/linux"

struct olos_file {
    char name[LAYOUT_MAX_NAME + 1];
    int fd; /* read-only; the same for all files of a package */
    uint64_t offset, size;
};

struct olos_layout {
    bool packed;
    size_t count;
    struct olos_file files[LAYOUT_MAX_FILES]; /* sorted by name */
};

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

/* The whole content of a file of at most `limit` bytes and a final NUL, in memory of its own. NULL with
   `error` filled in. */
void *file_read(const struct olos_file *file, size_t limit, struct olos_error *error);

/* Read `size` bytes at `offset` of a file. Returns 0, or -1 with `error` filled in. */
int file_pread(const struct olos_file *file, void *buffer, size_t size, uint64_t offset,
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
