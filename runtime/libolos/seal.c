/* Sealed data (docs/formats.md section 15). */

#include <errno.h>
#include <mbedtls/sha256.h>
#include <olos/olos.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "aes_gcm.h"
#include "bytes.h"
#include "hkdf.h"
#include "kernel.h"

#define MAGIC "OLOSSEAL"
#define VERSION 1
#define INFO "olos sealed data 1"
#define SALT 28
#define DIGEST 32

struct header {
    char magic[8];
    uint16_t version;
    uint8_t policy, debug;
    uint16_t product_id, security_version;
    uint64_t size;
    uint8_t salt[SALT], nonce[AES_GCM_NONCE];
};

_Static_assert(sizeof(struct header) == 64 && offsetof(struct header, salt) == 24, "as in docs/formats.md");
_Static_assert(OLOS_SEAL_OVERHEAD == sizeof(struct header) + AES_GCM_TAG, "what is around the data");
_Static_assert(HKDF_KEY == AES_GCM_KEY, "keys have one size");

/* What is authenticated and not encrypted. */
struct associated {
    struct header header;
    uint8_t digest[DIGEST]; /* of the caller's */
};

/* Of the app's own identity, what sealing needs: it does not change while a program runs, and costs two signatures. */
static _Atomic uint64_t own;

#define OWN_KNOWN (UINT64_C(1) << 63)
#define OWN_DEBUG (UINT64_C(1) << 32)

static int own_identity(uint64_t *found)
{
    *found = atomic_load(&own);
    if (*found)
        return 0;
    struct olos_identity identity;
    int result = olos_identity(&identity);
    if (result)
        return result;
    *found = OWN_KNOWN | (identity.flags & OLOS_IDENTITY_DEBUG ? OWN_DEBUG : 0) |
             (uint64_t)identity.product_id << 16 | identity.security_version;
    atomic_store(&own, *found);
    return 0;
}

static int describe(int policy, uint64_t size, struct header *header)
{
    uint64_t self;
    int result = own_identity(&self);
    if (result)
        return result;
    *header = (struct header){.version = VERSION, .policy = (uint8_t)policy, .debug = !!(self & OWN_DEBUG), .size = size};
    memcpy(header->magic, MAGIC, sizeof header->magic);
    if (policy == OLOS_KEY_OF_SIGNER) {
        header->product_id = (uint16_t)(self >> 16);
        header->security_version = (uint16_t)self;
    }
    result = random_bytes(header->salt, sizeof header->salt);
    return result ? result : random_bytes(header->nonce, sizeof header->nonce);
}

static bool is_well_formed(const struct header *header, size_t sealed_size)
{
    const bool of_signer = header->policy == OLOS_KEY_OF_SIGNER;
    return !memcmp(header->magic, MAGIC, sizeof header->magic) && header->version == VERSION &&
           (of_signer || header->policy == OLOS_KEY_OF_MEASUREMENT) && header->debug <= 1 &&
           (of_signer || (!header->product_id && !header->security_version)) &&
           header->size == sealed_size - OLOS_SEAL_OVERHEAD && header->size <= AES_GCM_LIMIT;
}

/* The key of one piece of sealed data. */
static int derive(const struct header *header, uint8_t key[AES_GCM_KEY])
{
    uint8_t sealing_key[HKDF_KEY];
    struct olos_key call = {
        .policy = header->policy,
        .svn = header->security_version,
        .key = (uintptr_t)sealing_key,
    };
    int result = tee_call(OLOS_SYS_KEY, &call, sizeof call);
    if (!result)
        result = hkdf(sealing_key, header->salt, sizeof header->salt, INFO, key);
    mbedtls_platform_zeroize(sealing_key, sizeof sealing_key);
    return result;
}

/* Whether two ranges share a byte. */
static bool overlap(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    const uintptr_t first = (uintptr_t)a, second = (uintptr_t)b;
    return first < second ? second - first < a_size && b_size : first - second < b_size && a_size;
}

/* mbedtls reads a byte before it writes the one that takes its place, if both are at one address. */
static bool in_place_or_apart(const uint8_t *data, size_t size, const uint8_t *sealed, size_t sealed_size)
{
    return data == sealed + sizeof(struct header) || !overlap(data, size, sealed, sealed_size);
}

int olos_seal(int policy, const uint8_t *data, size_t size, const uint8_t *aad, size_t aad_size, uint8_t *sealed,
              size_t *sealed_size)
{
    if ((policy != OLOS_KEY_OF_MEASUREMENT && policy != OLOS_KEY_OF_SIGNER) || !sealed_size || (!data && size) ||
        (!aad && aad_size))
        return -EINVAL;
    if (size > AES_GCM_LIMIT)
        return -E2BIG;
    const size_t room = *sealed_size, needed = size + OLOS_SEAL_OVERHEAD;
    if (!sealed || room < needed) {
        *sealed_size = needed;
        return sealed ? -ERANGE : 0;
    }
    if (!in_place_or_apart(data, size, sealed, needed))
        return -EINVAL;

    struct associated associated;
    uint8_t key[AES_GCM_KEY];
    int result = describe(policy, size, &associated.header);
    if (!result && mbedtls_sha256_ret(aad, aad_size, associated.digest, 0))
        result = -EIO;
    if (!result)
        result = derive(&associated.header, key);
    if (result)
        return result;
    const struct aes_gcm gcm = {key, associated.header.nonce, (const uint8_t *)&associated, sizeof associated};
    uint8_t *text = sealed + sizeof associated.header;
    result = aes_gcm_seal(&gcm, data, size, text, text + size);
    mbedtls_platform_zeroize(key, sizeof key);
    if (result)
        return result;
    memcpy(sealed, &associated.header, sizeof associated.header);
    *sealed_size = needed;
    return 0;
}

int olos_unseal(const uint8_t *sealed, size_t sealed_size, const uint8_t *aad, size_t aad_size, uint8_t *data,
                size_t *size)
{
    if (!size || (!sealed && sealed_size) || (!aad && aad_size))
        return -EINVAL;
    if (sealed_size < OLOS_SEAL_OVERHEAD)
        return -EBADMSG;
    struct associated associated;
    memcpy(&associated.header, sealed, sizeof associated.header);
    if (!is_well_formed(&associated.header, sealed_size))
        return -EBADMSG;
    const size_t room = *size, needed = (size_t)associated.header.size;
    if (!data || room < needed) {
        *size = needed;
        return data ? -ERANGE : 0;
    }
    if (!in_place_or_apart(data, needed, sealed, sealed_size))
        return -EINVAL;

    uint8_t key[AES_GCM_KEY];
    int result = mbedtls_sha256_ret(aad, aad_size, associated.digest, 0) ? -EIO : derive(&associated.header, key);
    if (result)
        return result;
    const struct aes_gcm gcm = {key, associated.header.nonce, (const uint8_t *)&associated, sizeof associated};
    const uint8_t *text = sealed + sizeof associated.header;
    result = aes_gcm_open(&gcm, text, needed, text + needed, data);
    mbedtls_platform_zeroize(key, sizeof key);
    if (!result)
        *size = needed;
    return result;
}
