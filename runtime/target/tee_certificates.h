/* The certificates that the simulated TEE issues (docs/formats.md section 13.2). */
#pragma once

#include <mbedtls/pk.h>

#include "../common/evidence.h"

#define TEE_CERTIFICATE_ROOM 1024

struct tee_certificate {
    uint8_t data[TEE_CERTIFICATE_ROOM]; /* DER */
    size_t size;
};

/* The certificate of the root: a pure function of its key. Returns 0 or -EIO. */
int tee_certify_root(struct tee_certificate *certificate, mbedtls_pk_context *root);

/* That of the attestation key, valid from `from` to `until`. Returns 0 or -EIO. */
int tee_certify_attestation(struct tee_certificate *certificate, mbedtls_pk_context *key, mbedtls_pk_context *root,
                            int64_t from, int64_t until);
