/* Reading small pieces of a large file through a cache of fixed size. */
#pragma once

#include "file.h"

#define READER_CHUNK ((size_t)64 << 10)
#define READER_CHUNKS 16

struct reader {
    const struct olos_file *file;
    uint64_t chunk[READER_CHUNKS]; /* number of the chunk in each slot, or UINT64_MAX */
    uint8_t *data[READER_CHUNKS];
};

void reader_start(struct reader *r, const struct olos_file *file);
void reader_free(struct reader *r);

/* Copy `size` bytes at `offset` of the file. Returns 0, or -1 with `error` filled in, also for bytes behind
   the end of the file. */
int reader_copy(struct reader *r, uint64_t offset, void *buffer, size_t size, struct olos_error *error);
