/* SHA-256 of eight blocks at a time by AVX2 (Intel SDM vol. 1 section 14), for processors without SHA-NI. */
#pragma once

#include <stdbool.h>

#include "sha256.h"

#define SHA256_AVX2_LANES 8

/* Whether processor and operating system have it; the function below must not be called if not. */
bool sha256_avx2_available(void);

/* The digests of `count` blocks of 4096 bytes, at most eight. It takes as long as for eight. */
void sha256_avx2_blocks(const uint8_t *data, size_t count, uint8_t *digests);
