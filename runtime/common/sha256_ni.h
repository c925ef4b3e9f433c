/* SHA-256 by the SHA extensions of x86-64 (Intel SDM vol. 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2). */
#pragma once

#include <stdbool.h>

#include "sha256.h"

/* Whether this processor has the instructions; the functions below must not be called if not. */
bool sha256_ni_available(void);

/* Take `count` chunks of 64 bytes into the state. */
void sha256_ni_compress(uint32_t state[8], const uint8_t *data, size_t count);

/* The digests of `count` blocks of 4096 bytes, three at a time. */
void sha256_ni_blocks(const uint8_t *data, size_t count, uint8_t *digests);
