#include "evidence_digest.h"

#include <mbedtls/sha512.h>

#include "evidence.h"
#include "util.h"

#define AROUND 64 /* "Signature1" and heads */

void evidence_digest(const struct cbor_part *protected, const struct cbor_part *payload,
                     uint8_t digest[EVIDENCE_DIGEST_SIZE])
{
    uint8_t bytes[EVIDENCE_LIMIT + AROUND], whole[64];
    struct cbor_writer w = {.data = bytes, .room = sizeof bytes};
    cbor_put_array(&w, 4);
    cbor_put_text(&w, "Signature1");
    cbor_put_bytes(&w, protected->data, protected->size);
    cbor_put_bytes(&w, NULL, 0);
    cbor_put_bytes(&w, payload->data, payload->size);
    if (w.full || mbedtls_sha512_ret(bytes, w.size, whole, 1))
        die(OLOS_FAILED, "evidence is too large");
    for (size_t i = 0; i < EVIDENCE_DIGEST_SIZE; i++)
        digest[i] = whole[i];
}
