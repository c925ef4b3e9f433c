#include "hkdf.h"

#include <errno.h>
#include <mbedtls/sha256.h>

#include "bytes.h"

#define BLOCK 64
#define DIGEST 32

struct part {
    const void *data;
    size_t size;
};

/* SHA-256 of a block and two parts behind it. */
static int digest(const uint8_t block[BLOCK], struct part first, struct part second, uint8_t out[DIGEST])
{
    mbedtls_sha256_context sha;
    mbedtls_sha256_init(&sha);
    int result = mbedtls_sha256_starts_ret(&sha, 0);
    if (!result)
        result = mbedtls_sha256_update_ret(&sha, block, BLOCK);
    if (!result)
        result = mbedtls_sha256_update_ret(&sha, first.data, first.size);
    if (!result)
        result = mbedtls_sha256_update_ret(&sha, second.data, second.size);
    if (!result)
        result = mbedtls_sha256_finish_ret(&sha, out);
    mbedtls_sha256_free(&sha);
    return result ? -EIO : 0;
}

static void xor(uint8_t block[BLOCK], uint8_t byte)
{
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= byte;
}

/* HMAC (RFC 2104) with a key of at most one block. */
static int hmac(struct part key, struct part first, struct part second, uint8_t out[DIGEST])
{
    uint8_t block[BLOCK] = {0};
    const struct part none = {"", 0};
    memcpy(block, key.data, key.size);
    xor(block, 0x36);
    int result = digest(block, first, second, out);
    xor(block, 0x36 ^ 0x5c);
    if (!result)
        result = digest(block, (struct part){out, DIGEST}, none, out);
    mbedtls_platform_zeroize(block, sizeof block);
    return result;
}

static size_t length(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    return size;
}

int hkdf(const uint8_t key[HKDF_KEY], const uint8_t *salt, size_t salt_size, const char *info, uint8_t derived[HKDF_KEY])
{
    uint8_t extracted[DIGEST];
    const uint8_t counter = 1;
    int result = hmac((struct part){salt, salt_size}, (struct part){key, HKDF_KEY}, (struct part){"", 0}, extracted);
    if (!result)
        result = hmac((struct part){extracted, DIGEST}, (struct part){info, length(info)}, (struct part){&counter, 1},
                      derived);
    mbedtls_platform_zeroize(extracted, sizeof extracted);
    return result;
}
