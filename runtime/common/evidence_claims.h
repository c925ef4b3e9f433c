/* The numbers of docs/formats.md section 13, for the one who signs and the one who verifies. */
#pragma once

#define COSE_ALGORITHM 1
#define COSE_CONTENT_TYPE 3
#define COSE_X5CHAIN 33
#define COSE_ES384 (-35)
#define COSE_SIGNATURE_SIZE 96

#define CLAIM_ISSUED 6
#define CLAIM_NONCE 10
#define CLAIM_DEBUG_STATUS 263
#define CLAIM_PROFILE 265
#define CLAIM_SIMULATED (-70001)
#define CLAIM_MEASUREMENT (-70002)
#define CLAIM_SIGNER (-70003)
#define CLAIM_PRODUCT_ID (-70004)
#define CLAIM_SECURITY_VERSION (-70005)
#define CLAIM_TARGET (-70006)

#define DEBUG_ENABLED 0
#define DEBUG_DISABLED 1

#define EVIDENCE_PROFILE "urn:uuid:b0ec35b8-3f4f-4a19-8ebb-1c3d54b6d559"
#define EVIDENCE_TARGET "linux"
#define EVIDENCE_LATEST INT64_C(253402300799) /* the end of the year 9999 */
