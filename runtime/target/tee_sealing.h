/* Sealing keys: one for each measurement, or for each signer, product and security version (docs/formats.md section
   13.4). */
#pragma once

#include <mbedtls/pk.h>
#include <stdbool.h>
#include <stdint.h>

#define TEE_SEALING_KEY_SIZE 32

/* Whom the simulated TEE speaks for. */
struct tee_subject {
    bool debug, has_signer;
    uint8_t measurement[32], signer[32];
    uint16_t product_id, security_version;
};

/* The key of this measurement. Returns 0 or -EIO. */
int tee_seal_to_measurement(const mbedtls_pk_context *root, const struct tee_subject *subject,
                            uint8_t key[TEE_SEALING_KEY_SIZE]);

/* The key of this signer and product for a security version. Returns 0, -ENOKEY if there is no signer, -EPERM if the
   version is higher than the subject's own, or -EIO. */
int tee_seal_to_signer(const mbedtls_pk_context *root, const struct tee_subject *subject, uint16_t security_version,
                       uint8_t key[TEE_SEALING_KEY_SIZE]);
