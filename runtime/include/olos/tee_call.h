/* What init asks of the simulated TEE in the target (docs/tcall.md): requests and answers.

   A request is a header and a body, over a serial line. An answer is a header over the same line the other way,
   and a body in the one slot, a block device as for standard input. One request at a time: init does not send
   another before it has read the answer. */
#pragma once

#include <stdint.h>

enum tee_call_kind {
    TEE_REPORT = 1, /* body: 64 bytes of report data; answer: evidence */
    TEE_KEY = 2,    /* body: struct tee_call_key; answer: 32 bytes */
    TEE_ROOT = 3,   /* no body; answer: the root certificate, DER */
};

#define TEE_MAX_BODY 64
#define TEE_MAX_ANSWER 8192
#define TEE_REPORT_DATA 64
#define TEE_KEY_SIZE 32

struct tee_call_request {
    uint32_t kind;
    uint32_t size; /* of the body */
    uint64_t tag;  /* comes back with the answer */
};

struct tee_call_answer {
    uint32_t status; /* 0, or an errno */
    uint32_t size;   /* of the body; 0 unless status is 0 */
    uint64_t tag;
};

#define TEE_POLICY_MEASUREMENT 1
#define TEE_POLICY_SIGNER 2

struct tee_call_key {
    uint8_t policy;
    uint8_t zero;
    uint16_t security_version; /* with TEE_POLICY_SIGNER; else 0 */
};

_Static_assert(sizeof(struct tee_call_request) == 16 && sizeof(struct tee_call_answer) == 16, "headers have one size");
_Static_assert(sizeof(struct tee_call_key) == 4, "a request for a key has one size");
