#include "sigstruct.h"

#include <mbedtls/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/sha256.h"

/* Intel SDM vol. 3D, "Layout of Enclave Signature Structure (SIGSTRUCT)". */
#define NUMBER_SIZE 384
#define DATE 20
#define MODULUS 128
#define EXPONENT 512
#define SIGNATURE 516
#define BODY 900
#define Q1 1040
#define Q2 1424
#define SIGNED_SIZE 128 /* of the header, and of the body */

#define ATTRIBUTES_DEBUG 2
#define ATTRIBUTES_MODE64BIT 4

static const uint8_t header[] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
static const uint8_t header2[] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};

/* What the fields must be, but for those that are the signer's to choose. */
static void expect(uint8_t expected[LAYOUT_SIGSTRUCT_SIZE], const uint8_t *actual, const struct olos_policy *policy,
                   const uint8_t measurement[32])
{
    memset(expected, 0, LAYOUT_SIGSTRUCT_SIZE);
    memcpy(expected, header, sizeof header);
    memcpy(expected + DATE, actual + DATE, 4);
    memcpy(expected + 24, header2, sizeof header2);
    memcpy(expected + MODULUS, actual + MODULUS, NUMBER_SIZE);
    put_le32(expected + EXPONENT, 3);
    memcpy(expected + SIGNATURE, actual + SIGNATURE, NUMBER_SIZE);
    memset(expected + 904, 0xff, 4); /* MISCMASK */
    expected[928] = ATTRIBUTES_MODE64BIT | (policy->debug ? ATTRIBUTES_DEBUG : 0);
    expected[936] = 3; /* XFRM */
    memset(expected + 944, 0xff, 16);
    memcpy(expected + 960, measurement, SHA256_SIZE);
    put_le16(expected + 1024, policy->product_id);
    put_le16(expected + 1026, policy->security_version);
    memcpy(expected + Q1, actual + Q1, NUMBER_SIZE);
    memcpy(expected + Q2, actual + Q2, NUMBER_SIZE);
}

static const struct {
    size_t at, size;
    const char *name;
} fields[] = {
    {0, 16, "HEADER"}, {16, 4, "VENDOR"}, {24, 16, "HEADER2"}, {40, 4, "SWDEFINED"}, {EXPONENT, 4, "EXPONENT"},
    {900, 4, "MISCSELECT"}, {904, 4, "MISCMASK"}, {908, 1, "CET_ATTRIBUTES"}, {909, 1, "CET_ATTRIBUTES_MASK"},
    {912, 16, "ISVFAMILYID"}, {928, 16, "ATTRIBUTES"}, {944, 16, "ATTRIBUTEMASK"}, {960, 32, "ENCLAVEHASH"},
    {1008, 16, "ISVEXTPRODID"}, {1024, 2, "ISVPRODID"}, {1026, 2, "ISVSVN"},
};

static void digits(const uint8_t *data, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
}

static int compare_statement(const uint8_t *expected, const uint8_t *actual, struct olos_error *error)
{
    char wanted[65], found[65];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (memcmp(expected + fields[i].at, actual + fields[i].at, fields[i].size) != 0) {
            digits(expected + fields[i].at, fields[i].size, wanted);
            digits(actual + fields[i].at, fields[i].size, found);
            return olos_mismatch(error, wanted, found, LAYOUT_SIGSTRUCT ": %s", fields[i].name);
        }
    if (memcmp(expected, actual, LAYOUT_SIGSTRUCT_SIZE) != 0)
        return olos_fail(error, OLOS_MISMATCH, LAYOUT_SIGSTRUCT ": a reserved byte is not zero");
    return 0;
}

/* As a number whose hexadecimal digits are YYYYMMDD. */
static bool is_date(uint32_t date)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char text[9];
    snprintf(text, sizeof text, "%08x", date);
    if (strspn(text, "0123456789") != 8)
        return false;
    unsigned number = (unsigned)strtoul(text, NULL, 10), year = number / 10000, month = number / 100 % 100;
    unsigned day = number % 100;
    bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;
    return year && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* ---- the signature ---- */

struct numbers {
    mbedtls_rsa_context key;
    mbedtls_mpi s, q1, q2, square, quotient, product, rest;
};

static void digest_statement(const uint8_t *data, uint8_t digest[SHA256_SIZE])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, data, SIGNED_SIZE);
    sha256_update(&hash, data + BODY, SIGNED_SIZE);
    sha256_final(&hash, digest);
}

static int read_numbers(struct numbers *n, const uint8_t *data)
{
    mbedtls_mpi modulus;
    mbedtls_mpi exponent;
    mbedtls_mpi_init(&modulus);
    mbedtls_mpi_init(&exponent);
    int failed = mbedtls_mpi_read_binary_le(&modulus, data + MODULUS, NUMBER_SIZE) ||
                 mbedtls_mpi_lset(&exponent, 3) || mbedtls_mpi_bitlen(&modulus) != 8 * NUMBER_SIZE ||
                 mbedtls_mpi_get_bit(&modulus, 0) != 1 ||
                 mbedtls_rsa_import(&n->key, &modulus, NULL, NULL, NULL, &exponent) ||
                 mbedtls_rsa_complete(&n->key) ||
                 mbedtls_mpi_read_binary_le(&n->s, data + SIGNATURE, NUMBER_SIZE) ||
                 mbedtls_mpi_read_binary_le(&n->q1, data + Q1, NUMBER_SIZE) ||
                 mbedtls_mpi_read_binary_le(&n->q2, data + Q2, NUMBER_SIZE);
    mbedtls_mpi_free(&modulus);
    mbedtls_mpi_free(&exponent);
    return failed;
}

static int check_signature(struct numbers *n, const uint8_t *data)
{
    uint8_t digest[SHA256_SIZE], signature[NUMBER_SIZE];
    digest_statement(data, digest);
    return mbedtls_mpi_write_binary(&n->s, signature, sizeof signature) ||
           mbedtls_rsa_pkcs1_verify(&n->key, NULL, NULL, MBEDTLS_RSA_PUBLIC, MBEDTLS_MD_SHA256, sizeof digest,
                                    digest, signature);
}

/* Q1 = floor(s² / n), Q2 = floor((s³ − Q1·s·n) / n) = floor(s · (s² mod n) / n). */
static int check_quotients(struct numbers *n)
{
    return mbedtls_mpi_mul_mpi(&n->square, &n->s, &n->s) ||
           mbedtls_mpi_div_mpi(&n->quotient, &n->rest, &n->square, &n->key.N) ||
           mbedtls_mpi_cmp_mpi(&n->quotient, &n->q1) || mbedtls_mpi_mul_mpi(&n->product, &n->s, &n->rest) ||
           mbedtls_mpi_div_mpi(&n->quotient, NULL, &n->product, &n->key.N) ||
           mbedtls_mpi_cmp_mpi(&n->quotient, &n->q2);
}

static const char *find_fault(struct numbers *n, const uint8_t *data)
{
    if (!is_date(le32(data + DATE)))
        return "DATE is no date";
    if (read_numbers(n, data))
        return "MODULUS is that of no RSA key of 3072 bits";
    if (check_signature(n, data))
        return "SIGNATURE is not one of header and body by the key in it";
    return check_quotients(n) ? "Q1 or Q2 does not belong to SIGNATURE and MODULUS" : NULL;
}

static int check(const uint8_t *data, struct olos_error *error)
{
    struct numbers n;
    mbedtls_mpi *all[] = {&n.s, &n.q1, &n.q2, &n.square, &n.quotient, &n.product, &n.rest};
    mbedtls_rsa_init(&n.key, MBEDTLS_RSA_PKCS_V15, 0);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mbedtls_mpi_init(all[i]);
    const char *fault = find_fault(&n, data);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mbedtls_mpi_free(all[i]);
    mbedtls_rsa_free(&n.key);
    return fault ? olos_fail(error, OLOS_MISMATCH, LAYOUT_SIGSTRUCT ": %s", fault) : 0;
}

static const struct olos_file *find(const struct olos_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++)
        if (strcmp(layout->files[i].name, LAYOUT_SIGSTRUCT) == 0)
            return &layout->files[i];
    return NULL;
}

int sigstruct_check(const struct olos_layout *layout, const struct olos_policy *policy, const uint8_t measurement[32],
                    bool *is_signed, uint8_t signer[32], struct olos_error *error)
{
    uint8_t data[LAYOUT_SIGSTRUCT_SIZE], expected[LAYOUT_SIGSTRUCT_SIZE];
    const struct olos_file *file = find(layout);
    *is_signed = file != NULL;
    if (!file)
        return 0;
    if (file->size != sizeof data)
        return olos_fail(error, OLOS_INPUT, LAYOUT_SIGSTRUCT ": has not %d bytes", LAYOUT_SIGSTRUCT_SIZE);
    if (file_pread(file, data, sizeof data, 0, error))
        return -1;
    expect(expected, data, policy, measurement);
    if (compare_statement(expected, data, error) || check(data, error))
        return -1;
    sha256(data + MODULUS, NUMBER_SIZE, signer);
    return 0;
}
