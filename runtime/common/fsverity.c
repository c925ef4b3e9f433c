#include "fsverity.h"

#include <string.h>

#include "util.h"

#define HASHES_PER_BLOCK (BLOCK_SIZE / SHA256_SIZE)

void fsverity_init(struct fsverity *tree)
{
    memset(tree->count, 0, sizeof tree->count);
}

/* Hash the block of a level, the rest of it zeros, and empty it. */
static void close_block(struct fsverity *tree, unsigned level, uint8_t hash[SHA256_SIZE])
{
    size_t used = tree->count[level] * SHA256_SIZE;
    memset(tree->blocks[level] + used, 0, BLOCK_SIZE - used);
    sha256_blocks(tree->blocks[level], 1, hash);
    tree->count[level] = 0;
}

static void add(struct fsverity *tree, unsigned level, const uint8_t *hash)
{
    uint8_t parent[SHA256_SIZE];
    for (;; level++, hash = parent) {
        memcpy(tree->blocks[level] + tree->count[level]++ * SHA256_SIZE, hash, SHA256_SIZE);
        if (tree->count[level] < HASHES_PER_BLOCK)
            return;
        close_block(tree, level, parent);
    }
}

void fsverity_add(struct fsverity *tree, const uint8_t hash[SHA256_SIZE])
{
    add(tree, 0, hash);
}

static bool is_top(const struct fsverity *tree, unsigned level)
{
    while (++level < FSVERITY_LEVELS)
        if (tree->count[level])
            return false;
    return true;
}

/* The root hash: the only hash of the top level; zeros for an empty file. */
static void root_hash(struct fsverity *tree, uint8_t root[SHA256_SIZE])
{
    memset(root, 0, SHA256_SIZE);
    for (unsigned level = 0; level < FSVERITY_LEVELS; level++) {
        if (tree->count[level] == 1 && is_top(tree, level)) {
            memcpy(root, tree->blocks[level], SHA256_SIZE);
            return;
        }
        if (tree->count[level]) {
            close_block(tree, level, root);
            add(tree, level + 1, root);
        }
    }
}

void fsverity_digest(struct fsverity *tree, uint64_t size, uint8_t digest[SHA256_SIZE])
{
    uint8_t descriptor[256] = {1, 1, 12}; /* version, hash algorithm, log2 of the block size */
    put_le64(descriptor + 8, size);
    root_hash(tree, descriptor + 16);
    sha256(descriptor, sizeof descriptor, digest);
}
