#include "tee_sealing.h"

#include <errno.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/platform_util.h>
#include <string.h>

#include "../common/util.h"
#include "tee_root.h"

#define SALT "olos-seal-1"

enum { TO_MEASUREMENT = 1, TO_SIGNER = 2 };

static int derive(const mbedtls_pk_context *root, const uint8_t *info, size_t size, uint8_t key[TEE_SEALING_KEY_SIZE])
{
    uint8_t scalar[TEE_SCALAR_SIZE];
    int failed = mbedtls_mpi_write_binary(&mbedtls_pk_ec(*root)->d, scalar, sizeof scalar) ||
                 mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), (const uint8_t *)SALT, sizeof SALT - 1,
                              scalar, sizeof scalar, info, size, key, TEE_SEALING_KEY_SIZE);
    mbedtls_platform_zeroize(scalar, sizeof scalar);
    return failed ? -EIO : 0;
}

int tee_seal_to_measurement(const mbedtls_pk_context *root, const struct tee_subject *subject,
                            uint8_t key[TEE_SEALING_KEY_SIZE])
{
    uint8_t info[2 + 32] = {TO_MEASUREMENT, subject->debug};
    memcpy(info + 2, subject->measurement, 32);
    return derive(root, info, sizeof info, key);
}

int tee_seal_to_signer(const mbedtls_pk_context *root, const struct tee_subject *subject, uint16_t security_version,
                       uint8_t key[TEE_SEALING_KEY_SIZE])
{
    uint8_t info[2 + 32 + 2 + 2] = {TO_SIGNER, subject->debug};
    if (!subject->has_signer)
        return -ENOKEY;
    if (security_version > subject->security_version)
        return -EPERM;
    memcpy(info + 2, subject->signer, 32);
    put_le16(info + 34, subject->product_id);
    put_le16(info + 36, security_version);
    return derive(root, info, sizeof info, key);
}
