/* SHA-256 (FIPS 180-4): of streams, and of many 4096-byte blocks at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define BLOCK_SIZE 4096

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t buffer[64];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t size);
void sha256_final(struct sha256 *s, uint8_t digest[SHA256_SIZE]);
void sha256(const void *data, size_t size, uint8_t digest[SHA256_SIZE]);

/* The SHA-256 of each of `count` consecutive blocks, one behind the other. */
void sha256_blocks(const uint8_t *data, size_t count, uint8_t *digests);

/* The ways to do that, the best first. All give the same bytes; the processor has the last one at least. */
enum sha256_way { SHA256_NI, SHA256_AVX2, SHA256_PLAIN };

bool sha256_available(enum sha256_way way);

/* `sha256_blocks` in a way that is available. */
void sha256_blocks_by(enum sha256_way way, const uint8_t *data, size_t count, uint8_t *digests);
