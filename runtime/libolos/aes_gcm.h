/* AES-256-GCM (NIST SP 800-38D) with a 12-byte nonce and a 16-byte tag. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AES_GCM_KEY 32
#define AES_GCM_NONCE 12
#define AES_GCM_TAG 16
#define AES_GCM_LIMIT ((UINT64_C(1) << 36) - 32) /* section 5.2.1.1, in bytes */

struct aes_gcm {
    const uint8_t *key, *nonce;
    const uint8_t *aad;
    size_t aad_size;
};

/* Encrypt `size` bytes; `to` may be `from`. Returns 0 or -EIO. */
int aes_gcm_seal(const struct aes_gcm *gcm, const uint8_t *from, size_t size, uint8_t *to, uint8_t *tag);

/* Decrypt; `to` may be `from`. Returns 0, or -EKEYREJECTED with zeros in `to`. */
int aes_gcm_open(const struct aes_gcm *gcm, const uint8_t *from, size_t size, const uint8_t *tag, uint8_t *to);
