#include <errno.h>
#include <mbedtls/oid.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attested.h"
#include "attested_extension.h"
#include "cbor.h"
#include "certificate.h"
#include "certificate_issue.h"
#include "random.h"

#define SERIAL_SIZE 16
#define EKU_SERVER_AND_CLIENT "\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"
#define MAX_HOSTNAME 64
#define TAG_SEQUENCE 0x30
#define TAG_DNS_NAME 0x82
#define LARGEST ((int64_t)253402300799) /* the end of the year 9999 */

static int set_names(mbedtls_x509write_cert *w, const char *hostname)
{
    char subject[MAX_HOSTNAME + 4];
    size_t length = strlen(hostname);
    if (length > MAX_HOSTNAME)
        return -1;
    snprintf(subject, sizeof subject, "CN=%s", hostname);
    uint8_t names[MAX_HOSTNAME + 4] = {TAG_SEQUENCE, (uint8_t)(length + 2), TAG_DNS_NAME, (uint8_t)length};
    memcpy(names + 4, hostname, length);
    return mbedtls_x509write_crt_set_subject_name(w, subject) || mbedtls_x509write_crt_set_issuer_name(w, subject) ||
           mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, names, length + 4);
}

static int write_time(char text[16], int64_t seconds)
{
    struct tm parts;
    time_t time = (time_t)(seconds < LARGEST ? seconds : LARGEST);
    return gmtime_r(&time, &parts) && strftime(text, 16, "%Y%m%d%H%M%S", &parts) == 14 ? 0 : -1;
}

static int set_period(mbedtls_x509write_cert *w, int64_t now, const struct attested *attested)
{
    char from[16], until[16];
    int64_t unused, end;
    return evidence_period(attested->evidence, attested->evidence_size, &unused, &end) ||
           write_time(from, now - CERTIFICATE_SKEW) || write_time(until, end) ||
           mbedtls_x509write_crt_set_validity(w, from, until);
}

/* Positive, of at most 20 bytes (RFC 5280, section 4.1.2.2). */
static int set_serial(mbedtls_x509write_cert *w)
{
    uint8_t number[SERIAL_SIZE];
    mbedtls_mpi serial;
    fill_random(NULL, number, sizeof number);
    number[0] = (number[0] & 0x7f) | 0x40;
    mbedtls_mpi_init(&serial);
    int failed =
        mbedtls_mpi_read_binary(&serial, number, sizeof number) || mbedtls_x509write_crt_set_serial(w, &serial);
    mbedtls_mpi_free(&serial);
    return failed;
}

static int set_purpose(mbedtls_x509write_cert *w)
{
    static const unsigned char nothing[] = {TAG_SEQUENCE, 0}; /* cA is FALSE by default */
    return mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_BASIC_CONSTRAINTS,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_BASIC_CONSTRAINTS), 1, nothing,
                                               sizeof nothing) ||
           mbedtls_x509write_crt_set_key_usage(w, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) ||
           mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0,
                                               (const unsigned char *)EKU_SERVER_AND_CLIENT,
                                               sizeof EKU_SERVER_AND_CLIENT - 1);
}

static int set_evidence(mbedtls_x509write_cert *w, const struct attested *attested)
{
    uint8_t message[EVIDENCE_LIMIT + 64];
    struct cbor_writer writer = {.data = message, .room = sizeof message};
    cbor_put_array(&writer, 3);
    cbor_put_text(&writer, EVIDENCE_MEDIA_TYPE);
    cbor_put_bytes(&writer, attested->evidence, attested->evidence_size);
    cbor_put_integer(&writer, ATTESTED_IS_EVIDENCE);
    return writer.full || mbedtls_x509write_crt_set_extension(w, ATTESTED_EXTENSION, ATTESTED_EXTENSION_SIZE, 0,
                                                              message, writer.size);
}

static int write_certificate(struct attested *attested, mbedtls_pk_context *key, uint32_t curve, const char *hostname,
                             int64_t now)
{
    mbedtls_x509write_cert w;
    mbedtls_x509write_crt_init(&w);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_subject_key(&w, key);
    mbedtls_x509write_crt_set_issuer_key(&w, key);
    mbedtls_md_type_t digest = curve == OLOS_CURVE_P256 ? MBEDTLS_MD_SHA256 : MBEDTLS_MD_SHA384;
    int code = -EIO;
    if (!set_serial(&w) && !set_names(&w, hostname) && !set_period(&w, now, attested) && !set_purpose(&w) &&
        !set_evidence(&w, attested))
        code = certificate_issue(&w, key, digest, attested->certificate, sizeof attested->certificate,
                                 &attested->certificate_size);
    mbedtls_x509write_crt_free(&w);
    return code;
}

static int generate(struct attested *attested, mbedtls_pk_context *key, uint32_t curve, const char *hostname,
                    int64_t now, attested_reporter *report)
{
    uint8_t info[EC_KEY_MAX_PUBLIC], report_data[64] = {0};
    int code = ec_key_generate(key, curve);
    if (code)
        return code;
    int size = ec_key_public(key, info), key_size = ec_key_private(key, attested->key);
    if (size < 0 || key_size < 0 || ec_key_digest(key, info, (size_t)size, report_data))
        return -ENOMEM;
    attested->key_size = (size_t)key_size;
    code = report(report_data, attested->evidence, sizeof attested->evidence, &attested->evidence_size);
    return code ? code : write_certificate(attested, key, curve, hostname, now);
}

int attested_generate(struct attested *attested, uint32_t curve, const char *hostname, int64_t now,
                      attested_reporter *report)
{
    mbedtls_pk_context key;
    int code = generate(attested, &key, curve, hostname, now, report);
    mbedtls_pk_free(&key);
    if (code)
        explicit_bzero(attested, sizeof *attested);
    return code;
}
