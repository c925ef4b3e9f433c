/* Certificates of the simulated TEE (docs/formats.md section 13): X.509 with a mark that others must refuse. */
#pragma once

#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdint.h>

/* 2.25.235170598882043719799641300614159717721, the content of its OBJECT IDENTIFIER. */
#define CERTIFICATE_MARK                                                                                       \
    "\x69\x82\xe1\xec\x9a\xee\x87\xf4\xfa\xa8\xb3\x8e\xdd\xc7\x87\xd5\xa5\xdb\xaa\x59"
#define CERTIFICATE_MARK_SIZE (sizeof CERTIFICATE_MARK - 1)

/* Clocks differ: seconds that are added to a period of validity at both ends. */
#define CERTIFICATE_SKEW 300

struct certificate {
    mbedtls_x509_crt x509;
    bool marked; /* has the extension, and it is critical */
};

/* Read one certificate; its bytes must outlive it. Returns 0, or -EBADMSG; either way certificate_free releases
   what was allocated. */
int certificate_parse(struct certificate *certificate, const uint8_t *data, size_t size);
void certificate_free(struct certificate *certificate);

/* Whether the owner of a key has signed it. */
bool certificate_is_signed_by(const struct certificate *certificate, const mbedtls_x509_crt *issuer);

/* Seconds since 1970, without leap seconds. */
int64_t certificate_seconds(const mbedtls_x509_time *time);

/* Returns 0 if a time lies in the period, give or take the skew, else -EKEYEXPIRED. */
int certificate_check_period(int64_t from, int64_t until, int64_t now);
