/* Merkle tree hash of RFC 9162 section 2.1.1 with SHA-256, leaf by leaf. */
#pragma once

#include "sha256.h"

struct rfc9162 {
    uint64_t leaves;
    uint8_t nodes[64][SHA256_SIZE]; /* roots of the complete subtrees, one for each bit of `leaves` */
};

void rfc9162_init(struct rfc9162 *tree);

/* A leaf is hashed as a stream of pieces: start, sha256_update with each piece, add. */
void rfc9162_start_leaf(struct sha256 *leaf);
void rfc9162_add_leaf(struct rfc9162 *tree, struct sha256 *leaf);

/* The root; of no leaves it is the SHA-256 of nothing. */
void rfc9162_root(const struct rfc9162 *tree, uint8_t root[SHA256_SIZE]);
