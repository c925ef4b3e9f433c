/* The constants of SHA-256 (FIPS 180-4 sections 4.2.2 and 5.3.3). */
#pragma once

#include <stdint.h>

extern const uint32_t sha256_k[64];
extern const uint32_t sha256_initial[8];
