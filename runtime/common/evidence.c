#include "evidence.h"

#include <errno.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <string.h>

#include "cbor.h"
#include "certificate.h"
#include "evidence_claims.h"
#include "evidence_digest.h"

#define CURVE_SIZE 48

/* A message that was read, but not verified. */
struct message {
    struct cbor_part protected, payload;
    struct evidence_certificate chain[2];
    uint8_t signature[COSE_SIGNATURE_SIZE];
};

/* ---- the message ---- */

static int take_part(struct cbor_reader *r, struct cbor_part *part)
{
    return cbor_take_bytes(r, &part->data, &part->size);
}

static int take_label(struct cbor_reader *r, int64_t expected)
{
    int64_t label;
    return cbor_take_integer(r, &label) || label != expected ? -EBADMSG : 0;
}

static int read_protected(struct message *message)
{
    struct cbor_reader r = {message->protected.data, message->protected.data + message->protected.size};
    struct evidence_certificate *chain = message->chain;
    size_t count;
    if (cbor_take_map(&r, &count) || count != 3 || take_label(&r, COSE_ALGORITHM) || take_label(&r, COSE_ES384) ||
        take_label(&r, COSE_CONTENT_TYPE) || cbor_take_text(&r, EVIDENCE_MEDIA_TYPE) ||
        take_label(&r, COSE_X5CHAIN) || cbor_take_array(&r, 2) ||
        cbor_take_bytes(&r, &chain[0].data, &chain[0].size) || cbor_take_bytes(&r, &chain[1].data, &chain[1].size))
        return -EBADMSG;
    return cbor_end(&r);
}

static int read_message(struct message *message, const uint8_t *data, size_t size)
{
    struct cbor_reader r = {data, data + size};
    size_t unprotected;
    if (cbor_take_tag(&r, CBOR_TAG_SIGN1) || cbor_take_array(&r, 4) || take_part(&r, &message->protected) ||
        cbor_take_map(&r, &unprotected) || unprotected || take_part(&r, &message->payload) ||
        cbor_take_exactly(&r, message->signature, sizeof message->signature) || cbor_end(&r))
        return -EBADMSG;
    return read_protected(message);
}

/* ---- the claims ---- */

static int take_number(struct cbor_reader *r, int64_t most, int64_t *value)
{
    return cbor_take_integer(r, value) || *value < 0 || *value > most ? -EBADMSG : 0;
}

static int take_u16(struct cbor_reader *r, uint16_t *value)
{
    int64_t number;
    if (take_number(r, UINT16_MAX, &number))
        return -EBADMSG;
    *value = (uint16_t)number;
    return 0;
}

static int take_debug(struct cbor_reader *r, bool *debug)
{
    int64_t status;
    if (take_number(r, DEBUG_DISABLED, &status))
        return -EBADMSG;
    *debug = status == DEBUG_ENABLED;
    return 0;
}

static int take_claim(struct cbor_reader *r, int64_t label, struct evidence_claims *claims)
{
    switch (label) {
    case CLAIM_ISSUED:
        return take_number(r, EVIDENCE_LATEST, &claims->issued);
    case CLAIM_NONCE:
        return cbor_take_exactly(r, claims->report_data, sizeof claims->report_data);
    case CLAIM_DEBUG_STATUS:
        return take_debug(r, &claims->debug);
    case CLAIM_PROFILE:
        return cbor_take_text(r, EVIDENCE_PROFILE);
    case CLAIM_SIMULATED:
        return cbor_take_true(r);
    case CLAIM_MEASUREMENT:
        return cbor_take_exactly(r, claims->measurement, sizeof claims->measurement);
    case CLAIM_SIGNER:
        claims->has_signer = true;
        return cbor_take_exactly(r, claims->signer, sizeof claims->signer);
    case CLAIM_PRODUCT_ID:
        return take_u16(r, &claims->product_id);
    case CLAIM_SECURITY_VERSION:
        return take_u16(r, &claims->security_version);
    case CLAIM_TARGET:
        return cbor_take_text(r, EVIDENCE_TARGET);
    default:
        return -EBADMSG;
    }
}

/* No claim can be there twice; so their number says whether one is missing. */
static int read_claims(struct evidence_claims *claims, const struct cbor_part *payload)
{
    struct cbor_reader r = {payload->data, payload->data + payload->size};
    uint64_t last = CBOR_NO_KEY;
    size_t count;
    int64_t label;
    *claims = (struct evidence_claims){0};
    if (cbor_take_map(&r, &count))
        return -EBADMSG;
    for (size_t i = 0; i < count; i++)
        if (cbor_take_key(&r, &last, &label) || take_claim(&r, label, claims))
            return -EBADMSG;
    return count != 9 + (size_t)claims->has_signer ? -EBADMSG : cbor_end(&r);
}

/* ---- the chain ---- */

static bool is_trusted(const struct evidence_certificate *certificate, const struct evidence_roots *roots)
{
    for (size_t i = 0; i < roots->count; i++)
        if (roots->items[i].size == certificate->size &&
            memcmp(roots->items[i].data, certificate->data, certificate->size) == 0)
            return true;
    return false;
}

static bool may_issue(const mbedtls_x509_crt *root)
{
    return root->ca_istrue && mbedtls_x509_crt_check_key_usage(root, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0;
}

static bool is_same(const mbedtls_x509_buf *one, const mbedtls_x509_buf *other)
{
    return one->len == other->len && memcmp(one->p, other->p, one->len) == 0;
}

/* Two certificates are little enough to look at each. The period is that in which both are valid. */
static int check_chain(const struct certificate *leaf, const struct certificate *root, int64_t now,
                       struct olos_identity *identity)
{
    const mbedtls_x509_crt *below = &leaf->x509, *above = &root->x509;
    if (!leaf->marked || !root->marked || !is_same(&below->issuer_raw, &above->subject_raw) || !may_issue(above) ||
        !certificate_is_signed_by(leaf, above))
        return -EKEYREJECTED;
    int64_t from[] = {certificate_seconds(&below->valid_from), certificate_seconds(&above->valid_from)};
    int64_t until[] = {certificate_seconds(&below->valid_to), certificate_seconds(&above->valid_to)};
    identity->valid_from = from[0] > from[1] ? from[0] : from[1];
    identity->valid_until = until[0] < until[1] ? until[0] : until[1];
    return certificate_check_period(identity->valid_from, identity->valid_until, now);
}

/* ---- the signature ---- */

static int read_signature(const uint8_t signature[COSE_SIGNATURE_SIZE], mbedtls_mpi *r, mbedtls_mpi *s)
{
    return mbedtls_mpi_read_binary(r, signature, CURVE_SIZE) ||
           mbedtls_mpi_read_binary(s, signature + CURVE_SIZE, CURVE_SIZE);
}

static int check_signature(const struct message *message, const mbedtls_pk_context *key)
{
    uint8_t digest[EVIDENCE_DIGEST_SIZE];
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA))
        return -EKEYREJECTED;
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*key);
    if (pair->grp.id != MBEDTLS_ECP_DP_SECP384R1)
        return -EKEYREJECTED;
    evidence_digest(&message->protected, &message->payload, digest);
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int failed = read_signature(message->signature, &r, &s) ||
                 mbedtls_ecdsa_verify(&pair->grp, digest, sizeof digest, &pair->Q, &r, &s);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return failed ? -EKEYREJECTED : 0;
}

/* ---- all of it ---- */

static void identify(struct olos_identity *identity, const struct evidence_claims *claims)
{
    identity->size = sizeof *identity;
    identity->tee = OLOS_TEE_SIMULATED;
    identity->flags = OLOS_IDENTITY_SIMULATED | (claims->debug ? OLOS_IDENTITY_DEBUG : 0) |
                      (claims->has_signer ? OLOS_IDENTITY_SIGNED : 0);
    identity->product_id = claims->product_id;
    identity->security_version = claims->security_version;
    identity->issued = claims->issued;
    memcpy(identity->measurement, claims->measurement, sizeof identity->measurement);
    memcpy(identity->signer, claims->signer, sizeof identity->signer);
    memcpy(identity->report_data, claims->report_data, sizeof identity->report_data);
}

static int verify(const struct message *message, const struct certificate *leaf, const struct certificate *root,
                  int64_t now, struct olos_identity *identity)
{
    struct evidence_claims claims;
    int code = read_claims(&claims, &message->payload);
    if (!code)
        code = check_chain(leaf, root, now, identity);
    if (!code)
        code = check_signature(message, &leaf->x509.pk);
    if (!code)
        code = certificate_check_period(identity->valid_from, identity->valid_until, claims.issued);
    if (!code)
        identify(identity, &claims);
    return code;
}

int evidence_verify(const uint8_t *data, size_t size, const struct evidence_roots *roots, int64_t now,
                    struct olos_identity *identity)
{
    struct message message;
    struct certificate leaf, root;
    *identity = (struct olos_identity){0};
    if (size > EVIDENCE_LIMIT || read_message(&message, data, size))
        return -EBADMSG;
    int code = certificate_parse(&leaf, message.chain[0].data, message.chain[0].size);
    int root_code = certificate_parse(&root, message.chain[1].data, message.chain[1].size);
    if (code || root_code)
        code = -EBADMSG;
    else if (!is_trusted(&message.chain[1], roots))
        code = -EKEYREJECTED;
    else
        code = verify(&message, &leaf, &root, now, identity);
    if (code)
        *identity = (struct olos_identity){0};
    certificate_free(&leaf);
    certificate_free(&root);
    return code;
}

int evidence_period(const uint8_t *data, size_t size, int64_t *from, int64_t *until)
{
    struct message message;
    struct certificate leaf;
    if (size > EVIDENCE_LIMIT || read_message(&message, data, size))
        return -EBADMSG;
    int code = certificate_parse(&leaf, message.chain[0].data, message.chain[0].size);
    if (!code) {
        *from = certificate_seconds(&leaf.x509.valid_from);
        *until = certificate_seconds(&leaf.x509.valid_to);
    }
    certificate_free(&leaf);
    return code;
}
