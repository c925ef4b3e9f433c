/* Attested certificates (docs/formats.md section 14): self-signed, evidence in an extension, the key bound by its
   report data. The checks are those of measure/evidence/certificate.py. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ec_key.h"
#include "evidence.h"

/* A certificate and what belongs to it, in DER. */
struct attested {
    size_t certificate_size, key_size, evidence_size;
    uint8_t certificate[OLOS_CERTIFICATE_ROOM / 2]; /* PEM takes more than DER */
    uint8_t key[EC_KEY_MAX_PRIVATE];
    uint8_t evidence[EVIDENCE_LIMIT];
};

/* Who gives evidence about a key. Returns 0 with the size, or a negative errno. */
typedef int attested_reporter(const uint8_t report_data[64], uint8_t *evidence, size_t room, size_t *size);

/* Make a key (curve 256 or 384) and its certificate for a host name. Returns 0 or a negative errno; after a failure
   nothing of the key is left. */
int attested_generate(struct attested *attested, uint32_t curve, const char *hostname, int64_t now,
                      attested_reporter *report);

/* Whether a certificate (DER) is genuine: see evidence_verify. The period of the identity is that of its evidence. */
int attested_verify(const uint8_t *data, size_t size, const struct evidence_roots *roots, int64_t now,
                    struct olos_identity *identity);
