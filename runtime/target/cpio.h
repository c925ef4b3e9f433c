/* A cpio archive in the newc format, written into a file in memory (docs/formats.md section 3). */
#pragma once

#include "../common/util.h"

struct cpio {
    int fd;
    unsigned inode;
    size_t written;
};

void cpio_directory(struct cpio *cpio, const char *name);
void cpio_file(struct cpio *cpio, const char *name, const void *data, size_t size);
void cpio_end(struct cpio *cpio);
