#include "certificate_write.h"

#include <errno.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509.h>
#include <string.h>

#include "random.h"

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define EXPLICIT(number) (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | (number))
#define YEARS_IN_UTC_TIME "2050" /* and before (RFC 5280, section 4.1.2.5) */

/* Everything is written backward: `p` is where the last part begins. Each returns its size, or a negative error. */

static int put_head(uint8_t **p, uint8_t *start, size_t size, unsigned tag)
{
    int length = mbedtls_asn1_write_len(p, start, size);
    int head = length < 0 ? length : mbedtls_asn1_write_tag(p, start, (unsigned char)tag);
    return head < 0 ? head : length + head + (int)size;
}

static int put_algorithm(const mbedtls_x509write_cert *writer, uint8_t **p, uint8_t *start)
{
    const char *name = writer->md_alg == MBEDTLS_MD_SHA256 ? MBEDTLS_OID_ECDSA_SHA256 : MBEDTLS_OID_ECDSA_SHA384;
    int size = mbedtls_asn1_write_oid(p, start, name, strlen(name));
    return size < 0 ? size : put_head(p, start, (size_t)size, SEQUENCE);
}

/* Of mbedtls: YYYYMMDDhhmmssZ. */
static int put_time(uint8_t **p, uint8_t *start, const char *time)
{
    int is_short = strncmp(time, YEARS_IN_UTC_TIME, 4) < 0, skipped = is_short ? 2 : 0;
    size_t size = strlen(time) - (size_t)skipped;
    int text = mbedtls_asn1_write_raw_buffer(p, start, (const uint8_t *)time + skipped, size);
    return text < 0 ? text
                    : put_head(p, start, size, is_short ? MBEDTLS_ASN1_UTC_TIME : MBEDTLS_ASN1_GENERALIZED_TIME);
}

static int put_period(const mbedtls_x509write_cert *writer, uint8_t **p, uint8_t *start)
{
    int size = 0, ret; /* the names are the macro's */
    MBEDTLS_ASN1_CHK_ADD(size, put_time(p, start, writer->not_after));
    MBEDTLS_ASN1_CHK_ADD(size, put_time(p, start, writer->not_before));
    return put_head(p, start, (size_t)size, SEQUENCE);
}

static int put_extensions(mbedtls_x509write_cert *writer, uint8_t **p, uint8_t *start)
{
    int size = mbedtls_x509_write_extensions(p, start, writer->extensions);
    if (size >= 0)
        size = put_head(p, start, (size_t)size, SEQUENCE);
    return size < 0 ? size : put_head(p, start, (size_t)size, EXPLICIT(3));
}

static int put_key(const mbedtls_x509write_cert *writer, uint8_t **p, uint8_t *start)
{
    int size = mbedtls_pk_write_pubkey_der(writer->subject_key, start, (size_t)(*p - start));
    if (size > 0)
        *p -= size;
    return size;
}

static int put_version(uint8_t **p, uint8_t *start)
{
    int size = mbedtls_asn1_write_int(p, start, MBEDTLS_X509_CRT_VERSION_3);
    return size < 0 ? size : put_head(p, start, (size_t)size, EXPLICIT(0));
}

static int put_statement(mbedtls_x509write_cert *writer, uint8_t **p, uint8_t *start)
{
    int size = 0, ret;
    MBEDTLS_ASN1_CHK_ADD(size, put_extensions(writer, p, start));
    MBEDTLS_ASN1_CHK_ADD(size, put_key(writer, p, start));
    MBEDTLS_ASN1_CHK_ADD(size, mbedtls_x509_write_names(p, start, writer->subject));
    MBEDTLS_ASN1_CHK_ADD(size, put_period(writer, p, start));
    MBEDTLS_ASN1_CHK_ADD(size, mbedtls_x509_write_names(p, start, writer->issuer));
    MBEDTLS_ASN1_CHK_ADD(size, put_algorithm(writer, p, start));
    MBEDTLS_ASN1_CHK_ADD(size, mbedtls_asn1_write_mpi(p, start, &writer->serial));
    MBEDTLS_ASN1_CHK_ADD(size, put_version(p, start));
    return put_head(p, start, (size_t)size, SEQUENCE);
}

/* Deterministic (RFC 6979); the random numbers only blind. */
static int sign(mbedtls_x509write_cert *writer, const uint8_t *statement, size_t size,
                uint8_t signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE], size_t *signature_size)
{
    uint8_t digest[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *kind = mbedtls_md_info_from_type(writer->md_alg);
    return mbedtls_md(kind, statement, size, digest) ||
           mbedtls_pk_sign(writer->issuer_key, writer->md_alg, digest, mbedtls_md_get_size(kind), signature,
                           signature_size, fill_random, NULL);
}

/* The statement first, to be signed; then all again from the end on, as its place depends on the signature's size. */
static int put_certificate(mbedtls_x509write_cert *writer, uint8_t **p, uint8_t *start)
{
    uint8_t signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE], *end = *p;
    size_t signature_size;
    int size = put_statement(writer, p, start), ret;
    if (size < 0 || sign(writer, *p, (size_t)size, signature, &signature_size))
        return -1;
    *p = end;
    size = 0;
    MBEDTLS_ASN1_CHK_ADD(size, mbedtls_asn1_write_bitstring(p, start, signature, 8 * signature_size));
    MBEDTLS_ASN1_CHK_ADD(size, put_algorithm(writer, p, start));
    MBEDTLS_ASN1_CHK_ADD(size, put_statement(writer, p, start));
    return put_head(p, start, (size_t)size, SEQUENCE);
}

int certificate_write(mbedtls_x509write_cert *writer, uint8_t *der, size_t room, size_t *size)
{
    uint8_t *p = der + room;
    int written = put_certificate(writer, &p, der);
    if (written <= 0)
        return -EIO;
    *size = (size_t)written;
    memmove(der, p, *size);
    return 0;
}
