/* System calls of the simulated TEE, for apps (docs/tee.md). */
#pragma once

#include <stdint.h>

#define OLOS_TEE_NONE 0
#define OLOS_TEE_SIMULATED 1

#define OLOS_IDENTITY_SIMULATED 1u
#define OLOS_IDENTITY_DEBUG 2u
#define OLOS_IDENTITY_SIGNED 4u

/* Who made evidence. Times are seconds since 1970-01-01 UTC. */
struct olos_identity {
    uint32_t size; /* of this structure */
    uint32_t tee;  /* OLOS_TEE_SIMULATED */
    uint32_t flags;
    uint16_t product_id, security_version;
    uint8_t measurement[32];
    uint8_t signer[32]; /* zeros without OLOS_IDENTITY_SIGNED */
    uint8_t report_data[64];
    int64_t issued, valid_from, valid_until;
    uint8_t key_digest[48]; /* of the certificate's key; zeros for bare evidence */
    uint8_t reserved[40];   /* zeros */
};
