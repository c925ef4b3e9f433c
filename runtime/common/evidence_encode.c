#include "evidence.h"

#include <errno.h>
#include <mbedtls/ecdsa.h>

#include "cbor.h"
#include "evidence_claims.h"
#include "evidence_digest.h"
#include "random.h"

#define CLAIMS_ROOM 512

static void put_claims(struct cbor_writer *w, const struct evidence_claims *claims)
{
    cbor_put_map(w, claims->has_signer ? 10 : 9);
    cbor_put_integer(w, CLAIM_ISSUED);
    cbor_put_integer(w, claims->issued);
    cbor_put_integer(w, CLAIM_NONCE);
    cbor_put_bytes(w, claims->report_data, sizeof claims->report_data);
    cbor_put_integer(w, CLAIM_DEBUG_STATUS);
    cbor_put_integer(w, claims->debug ? DEBUG_ENABLED : DEBUG_DISABLED);
    cbor_put_integer(w, CLAIM_PROFILE);
    cbor_put_text(w, EVIDENCE_PROFILE);
    cbor_put_integer(w, CLAIM_SIMULATED);
    cbor_put_true(w);
    cbor_put_integer(w, CLAIM_MEASUREMENT);
    cbor_put_bytes(w, claims->measurement, sizeof claims->measurement);
    if (claims->has_signer) {
        cbor_put_integer(w, CLAIM_SIGNER);
        cbor_put_bytes(w, claims->signer, sizeof claims->signer);
    }
    cbor_put_integer(w, CLAIM_PRODUCT_ID);
    cbor_put_integer(w, claims->product_id);
    cbor_put_integer(w, CLAIM_SECURITY_VERSION);
    cbor_put_integer(w, claims->security_version);
    cbor_put_integer(w, CLAIM_TARGET);
    cbor_put_text(w, EVIDENCE_TARGET);
}

static void put_protected(struct cbor_writer *w, const struct evidence_certificate chain[2])
{
    cbor_put_map(w, 3);
    cbor_put_integer(w, COSE_ALGORITHM);
    cbor_put_integer(w, COSE_ES384);
    cbor_put_integer(w, COSE_CONTENT_TYPE);
    cbor_put_text(w, EVIDENCE_MEDIA_TYPE);
    cbor_put_integer(w, COSE_X5CHAIN);
    cbor_put_array(w, 2);
    cbor_put_bytes(w, chain[0].data, chain[0].size);
    cbor_put_bytes(w, chain[1].data, chain[1].size);
}

static int sign(mbedtls_pk_context *key, const uint8_t digest[EVIDENCE_DIGEST_SIZE],
                uint8_t signature[COSE_SIGNATURE_SIZE])
{
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*key);
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int failed = mbedtls_ecdsa_sign_det_ext(&pair->grp, &r, &s, &pair->d, digest, EVIDENCE_DIGEST_SIZE,
                                            MBEDTLS_MD_SHA384, fill_random, NULL) ||
                 mbedtls_mpi_write_binary(&r, signature, COSE_SIGNATURE_SIZE / 2) ||
                 mbedtls_mpi_write_binary(&s, signature + COSE_SIGNATURE_SIZE / 2, COSE_SIGNATURE_SIZE / 2);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return failed ? -EIO : 0;
}

int evidence_encode(const struct evidence_claims *claims, mbedtls_pk_context *key,
                    const struct evidence_certificate chain[2], uint8_t *evidence, size_t room, size_t *size)
{
    uint8_t protected_bytes[EVIDENCE_LIMIT], claims_bytes[CLAIMS_ROOM];
    uint8_t digest[EVIDENCE_DIGEST_SIZE], signature[COSE_SIGNATURE_SIZE];
    struct cbor_writer protected = {.data = protected_bytes, .room = sizeof protected_bytes - CLAIMS_ROOM};
    struct cbor_writer payload = {.data = claims_bytes, .room = sizeof claims_bytes};
    struct cbor_writer message = {.data = evidence, .room = room < EVIDENCE_LIMIT ? room : EVIDENCE_LIMIT};
    put_protected(&protected, chain);
    put_claims(&payload, claims);
    if (protected.full || payload.full)
        return -ERANGE;
    evidence_digest(&(struct cbor_part){protected.data, protected.size},
                    &(struct cbor_part){payload.data, payload.size}, digest);
    if (sign(key, digest, signature))
        return -EIO;
    cbor_put_tag(&message, CBOR_TAG_SIGN1);
    cbor_put_array(&message, 4);
    cbor_put_bytes(&message, protected.data, protected.size);
    cbor_put_map(&message, 0);
    cbor_put_bytes(&message, payload.data, payload.size);
    cbor_put_bytes(&message, signature, sizeof signature);
    *size = message.size;
    return message.full ? -ERANGE : 0;
}
