/* What a COSE_Sign1 message signs (RFC 9052, section 4.4). */
#pragma once

#include "cbor.h"

#define EVIDENCE_DIGEST_SIZE 48

/* SHA-384 of the Sig_structure of a protected header and a payload, together at most EVIDENCE_LIMIT bytes. */
void evidence_digest(const struct cbor_part *protected, const struct cbor_part *payload,
                     uint8_t digest[EVIDENCE_DIGEST_SIZE]);
