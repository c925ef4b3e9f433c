#include "tee_certificates.h"

#include <errno.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <string.h>
#include <time.h>

#include "../common/certificate.h"
#include "../common/certificate_issue.h"
#include "../common/random.h"
#include "../common/sha256.h"

#define ROOT_NAME "CN=olos simulated TEE root\\, protects nothing"
#define NAME "CN=olos simulated TEE"
#define SERIAL_SIZE 16
#define KEY_ROOM 256
#define TIME_ROOM 16

/* What is said of a certificate; the extensions in DER. */
struct terms {
    const char *subject;
    uint8_t serial[SERIAL_SIZE];
    const char *from, *until; /* YYYYMMDDhhmmss */
    const char *constraints;
    size_t constraints_size;
    const char *usage; /* a BIT STRING of one byte */
};

#define BIT_STRING_SIZE 4
#define CA_WITHOUT_CAS_BELOW "\x30\x06\x01\x01\xff\x02\x01\x00"
#define NO_CA "\x30\x00"
#define KEY_CERT_SIGN "\x03\x02\x02\x04"
#define DIGITAL_SIGNATURE "\x03\x02\x07\x80"
#define MARK_VALUE "\x0c\x09simulated" /* UTF8String */

static int add_extension(mbedtls_x509write_cert *writer, const char *name, size_t name_size, const char *value,
                         size_t size)
{
    return mbedtls_x509write_crt_set_extension(writer, name, name_size, 1, (const uint8_t *)value, size);
}

static int set_serial(mbedtls_x509write_cert *writer, const uint8_t serial[SERIAL_SIZE])
{
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    int failed = mbedtls_mpi_read_binary(&number, serial, SERIAL_SIZE) ||
                 mbedtls_x509write_crt_set_serial(writer, &number);
    mbedtls_mpi_free(&number);
    return failed;
}

static int fill_in(mbedtls_x509write_cert *writer, const struct terms *terms)
{
    return set_serial(writer, terms->serial) || mbedtls_x509write_crt_set_subject_name(writer, terms->subject) ||
           mbedtls_x509write_crt_set_issuer_name(writer, ROOT_NAME) ||
           mbedtls_x509write_crt_set_validity(writer, terms->from, terms->until) ||
           add_extension(writer, MBEDTLS_OID_BASIC_CONSTRAINTS, MBEDTLS_OID_SIZE(MBEDTLS_OID_BASIC_CONSTRAINTS),
                         terms->constraints, terms->constraints_size) ||
           add_extension(writer, MBEDTLS_OID_KEY_USAGE, MBEDTLS_OID_SIZE(MBEDTLS_OID_KEY_USAGE), terms->usage,
                         BIT_STRING_SIZE) ||
           add_extension(writer, CERTIFICATE_MARK, CERTIFICATE_MARK_SIZE, MARK_VALUE, sizeof MARK_VALUE - 1);
}

/* Signatures are deterministic (RFC 6979); the random numbers only blind. */
static int issue(struct tee_certificate *certificate, const struct terms *terms, mbedtls_pk_context *key,
                 mbedtls_pk_context *root)
{
    mbedtls_x509write_cert writer;
    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_subject_key(&writer, key);
    mbedtls_x509write_crt_set_issuer_key(&writer, root);
    int code = fill_in(&writer, terms) ? -EIO
                                       : certificate_issue(&writer, root, MBEDTLS_MD_SHA384, certificate->data,
                                                           sizeof certificate->data, &certificate->size);
    mbedtls_x509write_crt_free(&writer);
    return code;
}

int tee_certify_root(struct tee_certificate *certificate, mbedtls_pk_context *root)
{
    uint8_t key[KEY_ROOM], digest[SHA256_SIZE];
    struct terms terms = {
        .subject = ROOT_NAME,
        .from = "20200101000000",
        .until = "20491231235959",
        .constraints = CA_WITHOUT_CAS_BELOW,
        .constraints_size = sizeof CA_WITHOUT_CAS_BELOW - 1,
        .usage = KEY_CERT_SIGN,
    };
    int size = mbedtls_pk_write_pubkey_der(root, key, sizeof key);
    if (size <= 0)
        return -EIO;
    sha256(key + sizeof key - size, (size_t)size, digest);
    memcpy(terms.serial, digest, sizeof terms.serial);
    terms.serial[0] &= 0x7f;
    return issue(certificate, &terms, root, root);
}

static int format_time(int64_t seconds, char text[TIME_ROOM])
{
    time_t moment = (time_t)seconds;
    struct tm parts;
    return gmtime_r(&moment, &parts) && strftime(text, TIME_ROOM, "%Y%m%d%H%M%S", &parts) == TIME_ROOM - 2 ? 0 : -EIO;
}

int tee_certify_attestation(struct tee_certificate *certificate, mbedtls_pk_context *key, mbedtls_pk_context *root,
                            int64_t from, int64_t until)
{
    char start[TIME_ROOM], end[TIME_ROOM];
    struct terms terms = {
        .subject = NAME,
        .from = start,
        .until = end,
        .constraints = NO_CA,
        .constraints_size = sizeof NO_CA - 1,
        .usage = DIGITAL_SIGNATURE,
    };
    if (format_time(from, start) || format_time(until, end))
        return -EIO;
    fill_random(NULL, terms.serial, sizeof terms.serial);
    terms.serial[0] &= 0x7f;
    terms.serial[SERIAL_SIZE - 1] |= 1; /* never zero */
    return issue(certificate, &terms, key, root);
}
