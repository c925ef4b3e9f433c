/* GCM and AES are those of mbedtls. Between them it has a layer that knows all of its ciphers; the five functions below
   stand in for it and know the one, so that no other comes into the library and nothing is allocated. */

#include "aes_gcm.h"

#include <errno.h>
#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>

#include "bytes.h"

struct state {
    mbedtls_gcm_context gcm;
    mbedtls_aes_context aes;
};

static const mbedtls_cipher_info_t AES_256 = {
    .type = MBEDTLS_CIPHER_AES_256_ECB,
    .mode = MBEDTLS_MODE_ECB,
    .key_bitlen = 8 * AES_GCM_KEY,
    .name = "AES-256-ECB",
    .block_size = 16,
};

const mbedtls_cipher_info_t *mbedtls_cipher_info_from_values(const mbedtls_cipher_id_t id, int bits,
                                                             const mbedtls_cipher_mode_t mode)
{
    return id == MBEDTLS_CIPHER_ID_AES && bits == 8 * AES_GCM_KEY && mode == MBEDTLS_MODE_ECB ? &AES_256 : NULL;
}

int mbedtls_cipher_setup(mbedtls_cipher_context_t *cipher, const mbedtls_cipher_info_t *info)
{
    struct state *state = (struct state *)((uint8_t *)cipher - offsetof(struct state, gcm.cipher_ctx));
    mbedtls_aes_init(&state->aes);
    cipher->cipher_info = info;
    cipher->cipher_ctx = &state->aes;
    return 0;
}

int mbedtls_cipher_setkey(mbedtls_cipher_context_t *cipher, const unsigned char *key, int bits,
                          const mbedtls_operation_t operation)
{
    (void)operation; /* GCM only encrypts blocks */
    return mbedtls_aes_setkey_enc(cipher->cipher_ctx, key, (unsigned)bits);
}

int mbedtls_cipher_update(mbedtls_cipher_context_t *cipher, const unsigned char *from, size_t size, unsigned char *to,
                          size_t *written)
{
    *written = size;
    return mbedtls_aes_crypt_ecb(cipher->cipher_ctx, MBEDTLS_AES_ENCRYPT, from, to);
}

void mbedtls_cipher_free(mbedtls_cipher_context_t *cipher)
{
    if (cipher->cipher_ctx)
        mbedtls_aes_free(cipher->cipher_ctx);
}

static int start(struct state *state, const struct aes_gcm *gcm)
{
    mbedtls_gcm_init(&state->gcm);
    return mbedtls_gcm_setkey(&state->gcm, MBEDTLS_CIPHER_ID_AES, gcm->key, 8 * AES_GCM_KEY);
}

int aes_gcm_seal(const struct aes_gcm *gcm, const uint8_t *from, size_t size, uint8_t *to, uint8_t *tag)
{
    struct state state;
    int result = start(&state, gcm);
    if (!result)
        result = mbedtls_gcm_crypt_and_tag(&state.gcm, MBEDTLS_GCM_ENCRYPT, size, gcm->nonce, AES_GCM_NONCE, gcm->aad,
                                           gcm->aad_size, from, to, AES_GCM_TAG, tag);
    mbedtls_gcm_free(&state.gcm);
    return result ? -EIO : 0;
}

int aes_gcm_open(const struct aes_gcm *gcm, const uint8_t *from, size_t size, const uint8_t *tag, uint8_t *to)
{
    struct state state;
    int result = start(&state, gcm);
    if (!result)
        result = mbedtls_gcm_auth_decrypt(&state.gcm, size, gcm->nonce, AES_GCM_NONCE, gcm->aad, gcm->aad_size, tag,
                                          AES_GCM_TAG, from, to);
    mbedtls_gcm_free(&state.gcm);
    if (!result)
        return 0;
    mbedtls_platform_zeroize(to, size);
    return -EKEYREJECTED;
}
