#include "ec_key.h"

#include <errno.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <string.h>

#include "random.h"

/* As the curve gives all sizes, all that is not the key itself is always the same. */
struct form {
    uint32_t curve;
    mbedtls_ecp_group_id group;
    mbedtls_md_type_t digest;
    size_t scalar;
    struct {
        size_t size;
        const char *data;
    } public, private, middle;
};

#define BYTES(text) {sizeof text - 1, text}

/* SEQUENCE { SEQUENCE { ecPublicKey, curve }, BIT STRING … }, and SEQUENCE { 0, SEQUENCE { … }, OCTET STRING {
   SEQUENCE { 1, OCTET STRING … , [1] BIT STRING … } } }. */
static const struct form forms[] = {
    {
        .curve = 256,
        .group = MBEDTLS_ECP_DP_SECP256R1,
        .digest = MBEDTLS_MD_SHA256,
        .scalar = 32,
        .public = BYTES("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                        "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"),
        .private = BYTES("\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                         "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
        .middle = BYTES("\xa1\x44\x03\x42\x00"),
    },
    {
        .curve = 384,
        .group = MBEDTLS_ECP_DP_SECP384R1,
        .digest = MBEDTLS_MD_SHA384,
        .scalar = 48,
        .public = BYTES("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                        "\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"),
        .private = BYTES("\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                         "\x06\x05\x2b\x81\x04\x00\x22\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"),
        .middle = BYTES("\xa1\x64\x03\x62\x00"),
    },
};

static const struct form *form_of(const mbedtls_pk_context *key)
{
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA))
        return NULL;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].group == mbedtls_pk_ec(*key)->grp.id)
            return &forms[i];
    return NULL;
}

int ec_key_generate(mbedtls_pk_context *key, uint32_t curve)
{
    const struct form *form = NULL;
    mbedtls_pk_init(key);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].curve == curve)
            form = &forms[i];
    if (!form)
        return -EINVAL;
    return mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
                   mbedtls_ecp_gen_key(form->group, mbedtls_pk_ec(*key), fill_random, NULL)
               ? -ENOMEM
               : 0;
}

int ec_key_digest(const mbedtls_pk_context *key, const uint8_t *info, size_t size, uint8_t digest[EC_KEY_MAX_DIGEST])
{
    const struct form *form = form_of(key);
    memset(digest, 0, EC_KEY_MAX_DIGEST);
    return form && mbedtls_md(mbedtls_md_info_from_type(form->digest), info, size, digest) == 0 ? 0 : -EBADMSG;
}

/* Append the public point, uncompressed. Returns the new size, or 0. */
static size_t put_point(const mbedtls_pk_context *key, uint8_t *info, size_t at, size_t room)
{
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*key);
    size_t size;
    if (mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, info + at, room - at))
        return 0;
    return at + size;
}

int ec_key_public(const mbedtls_pk_context *key, uint8_t info[EC_KEY_MAX_PUBLIC])
{
    const struct form *form = form_of(key);
    if (!form)
        return -EBADMSG;
    memcpy(info, form->public.data, form->public.size);
    size_t size = put_point(key, info, form->public.size, EC_KEY_MAX_PUBLIC);
    return size ? (int)size : -ENOMEM;
}

int ec_key_private(const mbedtls_pk_context *key, uint8_t info[EC_KEY_MAX_PRIVATE])
{
    const struct form *form = form_of(key);
    if (!form)
        return -EBADMSG;
    size_t at = form->private.size;
    memcpy(info, form->private.data, at);
    if (mbedtls_mpi_write_binary(&mbedtls_pk_ec(*key)->d, info + at, form->scalar))
        return -ENOMEM;
    at += form->scalar;
    memcpy(info + at, form->middle.data, form->middle.size);
    size_t size = put_point(key, info, at + form->middle.size, EC_KEY_MAX_PRIVATE);
    return size ? (int)size : -ENOMEM;
}
