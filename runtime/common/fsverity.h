/* The fs-verity digest (Linux Documentation/filesystems/fsverity.rst; sha256, 4096-byte blocks, no salt),
   from the hashes of the blocks of a file. */
#pragma once

#include "sha256.h"

#define FSVERITY_LEVELS 8 /* 128^8 blocks are more than 2^64 bytes */

struct fsverity {
    size_t count[FSVERITY_LEVELS]; /* hashes in each block under way */
    uint8_t blocks[FSVERITY_LEVELS][BLOCK_SIZE];
};

void fsverity_init(struct fsverity *tree);

/* The hash of the next block (the last one padded with zeros). */
void fsverity_add(struct fsverity *tree, const uint8_t hash[SHA256_SIZE]);

/* The digest of the file, which has `size` bytes. */
void fsverity_digest(struct fsverity *tree, uint64_t size, uint8_t digest[SHA256_SIZE]);
