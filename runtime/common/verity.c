#include "verity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "blockhash.h"

#define HASHES_PER_BLOCK (BLOCK_SIZE / SHA256_SIZE)
#define MAX_IMAGE_BLOCKS (UINT64_C(1) << 32) /* EROFS has 32-bit block numbers */

int verity_layout(struct verity_layout *layout, uint64_t image_size, struct olos_error *error)
{
    *layout = (struct verity_layout){.data_blocks = image_size / BLOCK_SIZE};
    if (layout->data_blocks < 2 || layout->data_blocks > MAX_IMAGE_BLOCKS)
        return olos_fail(error, OLOS_INPUT, "rootfs: an image of %" PRIu64 " bytes is too small or too large",
                         image_size);
    uint64_t blocks = layout->data_blocks;
    while (blocks > 1) {
        blocks = (blocks + HASHES_PER_BLOCK - 1) / HASHES_PER_BLOCK;
        layout->level[layout->levels++].blocks = blocks;
    }
    layout->end = image_size + BLOCK_SIZE; /* behind the superblock, top level first */
    for (unsigned i = layout->levels; i-- > 0;) {
        layout->level[i].offset = layout->end;
        layout->end += layout->level[i].blocks * BLOCK_SIZE;
    }
    return 0;
}

/* include/uapi and Documentation/admin-guide/device-mapper/verity.rst of Linux; struct verity_sb of
   cryptsetup lib/verity/verity.c, version 1. */
static void make_superblock(const struct verity_layout *layout, uint8_t block[BLOCK_SIZE])
{
    memset(block, 0, BLOCK_SIZE);
    memcpy(block, "verity\0\0", 8);
    put_le32(block + 8, 1);  /* version */
    put_le32(block + 12, 1); /* hash type; the nil UUID of 16 bytes follows */
    memcpy(block + 32, "sha256", 6);
    put_le32(block + 64, BLOCK_SIZE); /* data blocks */
    put_le32(block + 68, BLOCK_SIZE); /* hash blocks */
    put_le64(block + 72, layout->data_blocks);
    /* then the salt: size 0 */
}

static int check_superblock(const struct olos_file *file, const struct verity_layout *layout,
                            struct olos_error *error)
{
    uint8_t expected[BLOCK_SIZE], actual[BLOCK_SIZE];
    make_superblock(layout, expected);
    if (file_pread(file, actual, BLOCK_SIZE, layout->data_blocks * BLOCK_SIZE, error))
        return -1;
    if (memcmp(expected, actual, BLOCK_SIZE) == 0)
        return 0;
    uint8_t expected_hash[32], actual_hash[32];
    sha256(expected, BLOCK_SIZE, expected_hash);
    sha256(actual, BLOCK_SIZE, actual_hash);
    return olos_mismatch_sha256(error, expected_hash, actual_hash, "%s: verity superblock", file->name);
}

struct level_check {
    const struct olos_file *file;
    const struct verity_layout *layout;
    unsigned level;
    atomic_uint_least64_t first_bad; /* where to look for the first wrong block */
};

/* How many blocks are hashed into a level. */
static uint64_t inputs_of(const struct verity_layout *layout, unsigned level)
{
    return level ? layout->level[level - 1].blocks : layout->data_blocks;
}

/* Whether the digests are those stored; the last block of a level is padded with zeros. */
static int compare_digests(void *context, uint64_t first, size_t count, const uint8_t *digests)
{
    struct level_check *check = context;
    uint8_t stored[(BLOCKHASH_CHUNK_BLOCKS + HASHES_PER_BLOCK) * SHA256_SIZE];
    uint64_t inputs = inputs_of(check->layout, check->level);
    uint64_t capacity = check->layout->level[check->level].blocks * HASHES_PER_BLOCK;
    size_t size = count * SHA256_SIZE, padding = 0;
    if (first + count == inputs)
        padding = (size_t)(capacity - inputs) * SHA256_SIZE;
    uint64_t at = check->layout->level[check->level].offset + first * SHA256_SIZE;
    ssize_t got = pread_full(check->file->fd, stored, size + padding, check->file->offset + at);
    if (got < 0)
        return (int)got;
    if ((size_t)got == size + padding && memcmp(stored, digests, size) == 0 && is_zero(stored + size, padding))
        return 0;
    uint_least64_t known = atomic_load(&check->first_bad);
    while (first < known && !atomic_compare_exchange_weak(&check->first_bad, &known, first))
        ;
    return 1;
}

/* Find the block in the chunk that compare_digests refused, and name it. */
static int name_block(struct level_check *check, struct olos_error *error)
{
    const struct verity_layout *layout = check->layout;
    const struct olos_file *file = check->file;
    uint64_t input = check->level ? layout->level[check->level - 1].offset : 0;
    uint64_t inputs = inputs_of(layout, check->level);
    for (uint64_t i = atomic_load(&check->first_bad); i < inputs; i++) {
        uint8_t block[BLOCK_SIZE], actual[SHA256_SIZE], stored[SHA256_SIZE];
        if (file_pread(file, block, BLOCK_SIZE, input + i * BLOCK_SIZE, error) ||
            file_pread(file, stored, SHA256_SIZE, layout->level[check->level].offset + i * SHA256_SIZE, error))
            return -1;
        sha256(block, BLOCK_SIZE, actual);
        if (memcmp(actual, stored, SHA256_SIZE) != 0)
            return check->level
                       ? olos_mismatch_sha256(error, stored, actual,
                                              "%s: block %" PRIu64 " of level %u of the hash tree, or its hash",
                                              file->name, i, check->level - 1)
                       : olos_mismatch_sha256(error, stored, actual, "%s: data block %" PRIu64 " or its hash",
                                              file->name, i);
    }
    return olos_mismatch(error, "zeros", "other bytes", "%s: padding of level %u of the hash tree", file->name,
                         check->level);
}

/* Hash what lies below a level and compare with what is stored in it. The level below has been checked. */
static int check_level(const struct olos_file *file, const struct verity_layout *layout, unsigned level,
                       struct olos_error *error)
{
    struct level_check check = {file, layout, level, inputs_of(layout, level)};
    struct block_source source = {.fd = file->fd, .offset = file->offset,
                                  .length = layout->data_blocks * BLOCK_SIZE};
    if (level) {
        source.offset += layout->level[level - 1].offset;
        source.length = inputs_of(layout, level) * BLOCK_SIZE;
    }
    int result = hash_blocks(&source, 0, compare_digests, &check);
    if (result > 0)
        return name_block(&check, error);
    if (result < 0)
        return olos_fail(error, OLOS_FAILED, "%s cannot be read: %s", file->name, strerror(-result));
    return 0;
}

int verity_head(const struct olos_file *file, const struct verity_layout *layout, uint8_t root[32],
                struct olos_error *error)
{
    uint8_t top[BLOCK_SIZE];
    if (file->size != layout->end) {
        char expected[32], actual[32];
        snprintf(expected, sizeof expected, "%" PRIu64, layout->end);
        snprintf(actual, sizeof actual, "%" PRIu64, file->size);
        return olos_mismatch(error, expected, actual, "%s: size", file->name);
    }
    if (check_superblock(file, layout, error) ||
        file_pread(file, top, BLOCK_SIZE, layout->level[layout->levels - 1].offset, error))
        return -1;
    sha256(top, BLOCK_SIZE, root);
    return 0;
}

int verity_check(const struct olos_file *file, const struct verity_layout *layout, uint8_t root[32],
                 struct olos_error *error)
{
    if (verity_head(file, layout, root, error))
        return -1;
    for (unsigned level = 0; level < layout->levels; level++)
        if (check_level(file, layout, level, error))
            return -1;
    return 0;
}
