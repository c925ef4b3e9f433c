/* The SHA-256 of every 4096-byte block of a buffer or file, by several threads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

#define BLOCKHASH_CHUNK_BLOCKS 96 /* what one thread takes at a time: 384 KiB, a multiple of three lanes */

/* What is hashed: `length` bytes at `data` or, where that is NULL, at `offset` of the file `fd`. The last
   block is padded with zeros. */
struct block_source {
    const uint8_t *data;
    int fd;
    uint64_t offset, length;
};

/* Takes the digests of blocks `first` … `first + count - 1`; called by several threads, in any order. May
   return a value other than 0 to stop the work. */
typedef int block_sink(void *context, uint64_t first, size_t count, const uint8_t *digests);

/* Hash all blocks with `threads` threads (0: one for each processor). Memory does not depend on the length;
   holes of files are not read; the position of `fd` is the same afterwards, but moves meanwhile. Returns 0,
   a negative errno (-ENODATA: the file is shorter), or what the sink returned for the first block range
   that it did not return 0 for. */
int hash_blocks(const struct block_source *source, unsigned threads, block_sink *sink, void *context);
