#include "certificate_issue.h"

#include <errno.h>
#include <mbedtls/asn1.h>
#include <string.h>

#include "random.h"

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define HEADER_SIZE 4 /* of a sequence from 256 to 65535 bytes */
#define ALGORITHM_SIZE 12
#define NULL_SIZE 2
#define LARGEST 16384

/* SEQUENCE { ecdsa-with-SHA256 }, and the same with SHA-384. */
static const uint8_t with_sha256[] = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
static const uint8_t with_sha384[] = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";

/* The bytes to be signed, in two parts around their algorithm identifier. */
struct parts {
    const uint8_t *before, *after;
    size_t before_size, after_size;
};

static int take(uint8_t **at, const uint8_t *end, int tag, size_t *size)
{
    return mbedtls_asn1_get_tag(at, end, size, tag);
}

static int split(uint8_t *certificate, size_t size, struct parts *parts)
{
    uint8_t *at = certificate, *end = certificate + size;
    size_t length;
    if (take(&at, end, SEQUENCE, &length) || take(&at, end, SEQUENCE, &length))
        return -1;
    end = at + length;
    parts->before = at;
    if (take(&at, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED, &length))
        return -1;
    at += length; /* the version */
    if (take(&at, end, MBEDTLS_ASN1_INTEGER, &length))
        return -1;
    at += length; /* the serial number */
    parts->before_size = (size_t)(at - parts->before);
    if (take(&at, end, SEQUENCE, &length) || length != ALGORITHM_SIZE - 2 + NULL_SIZE)
        return -1;
    parts->after = at + length;
    parts->after_size = (size_t)(end - parts->after);
    return 0;
}

static size_t put_header(uint8_t *at, size_t size)
{
    const uint8_t header[HEADER_SIZE] = {SEQUENCE, 0x82, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(at, header, sizeof header);
    return sizeof header;
}

static size_t join(uint8_t *data, const struct parts *parts, const uint8_t *algorithm)
{
    size_t at = put_header(data, parts->before_size + ALGORITHM_SIZE + parts->after_size);
    memcpy(data + at, parts->before, parts->before_size);
    at += parts->before_size;
    memcpy(data + at, algorithm, ALGORITHM_SIZE);
    at += ALGORITHM_SIZE;
    memcpy(data + at, parts->after, parts->after_size);
    return at + parts->after_size;
}

int certificate_issue(mbedtls_x509write_cert *writer, mbedtls_pk_context *issuer, mbedtls_md_type_t digest,
                      uint8_t *certificate, size_t room, size_t *size)
{
    const uint8_t *algorithm = digest == MBEDTLS_MD_SHA256 ? with_sha256 : with_sha384;
    uint8_t draft[LARGEST], signed_part[LARGEST], hash[MBEDTLS_MD_MAX_SIZE];
    uint8_t signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    struct parts parts;
    size_t signature_size;
    mbedtls_x509write_crt_set_md_alg(writer, digest);
    int draft_size = mbedtls_x509write_crt_der(writer, draft, sizeof draft, fill_random, NULL);
    if (draft_size <= 0 || split(draft + sizeof draft - draft_size, (size_t)draft_size, &parts))
        return -EIO;
    size_t length = join(signed_part, &parts, algorithm);
    if (length < 256 || mbedtls_md(mbedtls_md_info_from_type(digest), signed_part, length, hash) ||
        mbedtls_pk_sign(issuer, digest, hash, 0, signature, &signature_size, fill_random, NULL))
        return -EIO;
    const uint8_t bits[] = {MBEDTLS_ASN1_BIT_STRING, (uint8_t)(signature_size + 1), 0};
    size_t content = length + ALGORITHM_SIZE + sizeof bits + signature_size;
    if (room < HEADER_SIZE + content)
        return -EIO;
    uint8_t *at = certificate + put_header(certificate, content);
    at = mempcpy(at, signed_part, length);
    at = mempcpy(at, algorithm, ALGORITHM_SIZE);
    at = mempcpy(at, bits, sizeof bits);
    memcpy(at, signature, signature_size);
    *size = HEADER_SIZE + content;
    return 0;
}
