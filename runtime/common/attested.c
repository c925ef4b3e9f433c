#include "attested.h"

#include <errno.h>
#include <string.h>

#include "attested_extension.h"
#include "cbor.h"
#include "certificate.h"

struct found {
    size_t count; /* of the extensions with evidence */
    const uint8_t *data, *end;
};

/* For each extension that mbedtls does not know. */
static int take_extension(void *context, const mbedtls_x509_crt *x509, const mbedtls_x509_buf *name, int critical,
                          const unsigned char *value, const unsigned char *end)
{
    struct found *found = context;
    (void)x509;
    if (name->len != ATTESTED_EXTENSION_SIZE || memcmp(name->p, ATTESTED_EXTENSION, name->len) != 0)
        return critical ? -1 : 0;
    found->count++;
    found->data = value;
    found->end = end;
    return 0;
}

static int read_message(const struct found *found, struct cbor_part *evidence)
{
    struct cbor_reader r = {found->data, found->end};
    int64_t indicator;
    if (found->count != 1 || cbor_take_array(&r, 3) || cbor_take_text(&r, EVIDENCE_MEDIA_TYPE) ||
        cbor_take_bytes(&r, &evidence->data, &evidence->size) || cbor_take_integer(&r, &indicator) ||
        indicator != ATTESTED_IS_EVIDENCE)
        return -EBADMSG;
    return cbor_end(&r);
}

static bool is_self_signed(const struct certificate *certificate)
{
    const mbedtls_x509_buf *issuer = &certificate->x509.issuer_raw, *subject = &certificate->x509.subject_raw;
    return issuer->len == subject->len && memcmp(issuer->p, subject->p, issuer->len) == 0 &&
           certificate_is_signed_by(certificate, &certificate->x509);
}

static int verify(const struct certificate *certificate, const struct found *found, const struct evidence_roots *roots,
                  int64_t now, struct olos_identity *identity)
{
    static const uint8_t zeros[sizeof identity->report_data - EC_KEY_MAX_DIGEST];
    const mbedtls_x509_crt *x509 = &certificate->x509;
    struct cbor_part evidence;
    uint8_t digest[EC_KEY_MAX_DIGEST];
    if (x509->raw.len == 0 || read_message(found, &evidence) ||
        ec_key_digest(&x509->pk, x509->pk_raw.p, x509->pk_raw.len, digest))
        return -EBADMSG;
    if (!is_self_signed(certificate))
        return -EKEYREJECTED;
    int code = certificate_check_period(certificate_seconds(&x509->valid_from), certificate_seconds(&x509->valid_to), now);
    if (!code)
        code = evidence_verify(evidence.data, evidence.size, roots, now, identity);
    if (code)
        return code;
    if (memcmp(identity->report_data, digest, sizeof digest) != 0 ||
        memcmp(identity->report_data + sizeof digest, zeros, sizeof zeros) != 0)
        return -EKEYREJECTED;
    memcpy(identity->key_digest, digest, sizeof digest);
    return 0;
}

int attested_verify(const uint8_t *data, size_t size, const struct evidence_roots *roots, int64_t now,
                    struct olos_identity *identity)
{
    struct certificate certificate = {0};
    struct found found = {0};
    mbedtls_x509_crt *x509 = &certificate.x509;
    *identity = (struct olos_identity){0};
    mbedtls_x509_crt_init(x509);
    int code = -EBADMSG;
    if (mbedtls_x509_crt_parse_der_with_ext_cb(x509, data, size, 0, take_extension, &found) == 0 &&
        x509->raw.len == size && x509->version == 3)
        code = verify(&certificate, &found, roots, now, identity);
    if (code)
        *identity = (struct olos_identity){0};
    certificate_free(&certificate);
    return code;
}
