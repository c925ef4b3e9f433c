/* A file of a layout: a run of bytes, read with every length checked. */
#pragma once

#include "util.h"

#define LAYOUT_MAX_NAME 47

struct olos_file {
    char name[LAYOUT_MAX_NAME + 1];
    int fd; /* read-only; the same for all files of a package */
    uint64_t offset, size;
};

/* The whole content of a file of at most `limit` bytes and a final NUL, in memory of its own. NULL with
   `error` filled in. */
void *file_read(const struct olos_file *file, size_t limit, struct olos_error *error);

/* Read `size` bytes at `offset` of a file. Returns 0, or -1 with `error` filled in. */
int file_pread(const struct olos_file *file, void *buffer, size_t size, uint64_t offset,
               struct olos_error *error);
