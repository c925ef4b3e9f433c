/* Evidence of the simulated TEE (docs/formats.md section 13): an EAT (RFC 9711) in a COSE_Sign1 message (RFC 9052).
   The checks are those of measure/evidence/simulated.py. */
#pragma once

#include <mbedtls/pk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/olos/tee.h"

#define EVIDENCE_LIMIT 8192
#define EVIDENCE_MEDIA_TYPE "application/eat+cwt"

struct evidence_claims {
    uint8_t report_data[64], measurement[32], signer[32];
    bool has_signer, debug;
    uint16_t product_id, security_version;
    int64_t issued; /* seconds since 1970 */
};

/* A certificate in DER. */
struct evidence_certificate {
    const uint8_t *data;
    size_t size;
};

/* Which roots are trusted. */
struct evidence_roots {
    size_t count;
    const struct evidence_certificate *items;
};

/* Sign claims with the attestation key (P-384), `chain` being its certificate and the root's. Returns 0 with the
   size of what is in `evidence`, or a negative errno (-ERANGE: no room). Of the target only. */
int evidence_encode(const struct evidence_claims *claims, mbedtls_pk_context *key,
                    const struct evidence_certificate chain[2], uint8_t *evidence, size_t room, size_t *size);

/* Whether evidence is genuine at the time `now`: its identity, without key_digest. What it says is not judged: that
   it is simulated, or of a debug build, is for the caller to refuse. Returns 0 or a negative errno: -EBADMSG
   malformed, -EKEYREJECTED not genuine, -EKEYEXPIRED outside of the validity of its certificates. */
int evidence_verify(const uint8_t *data, size_t size, const struct evidence_roots *roots, int64_t now,
                    struct olos_identity *identity);

/* When the certificate of the key that has signed evidence begins and ends to be valid. Nothing is verified. Returns
   0 or -EBADMSG. */
int evidence_period(const uint8_t *data, size_t size, int64_t *from, int64_t *until);
