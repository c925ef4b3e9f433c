/* The dm-verity part of a root file system image (docs/formats.md section 2.2). */
#pragma once

#include "file.h"

/* Where the parts of an image of `image_size` bytes lie in the file. */
struct verity_layout {
    uint64_t data_blocks;
    unsigned levels;
    struct {
        uint64_t offset, blocks;
    } level[8]; /* 0 holds the hashes of the data blocks; the last is one block */
    uint64_t end; /* the size that the file must have */
};

/* Compute the places. `image_size` is a multiple of 4096. Returns 0, or -1 with `error` filled in. */
int verity_layout(struct verity_layout *layout, uint64_t image_size, struct olos_error *error);

/* Check the size of the file and the superblock, and give the root as the hash tree has it: what a start
   can afford, however large the image is. Returns 0, or -1 with `error` filled in. */
int verity_head(const struct olos_file *file, const struct verity_layout *layout, uint8_t root[32],
                struct olos_error *error);

/* Recompute the whole tree from the image, compare every byte of the stored superblock and hash area, and
   give the root that was computed. Returns 0, or -1 with `error` filled in, naming the first wrong block. */
int verity_check(const struct olos_file *file, const struct verity_layout *layout, uint8_t root[32],
                 struct olos_error *error);
