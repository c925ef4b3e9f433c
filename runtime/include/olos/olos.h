/* libolos: what an app in a package asks of its TEE (docs/libolos.md).

   All functions return 0 or a negative errno, as listed in <olos/tee.h>. They need no library, allocate
   nothing, and may be called by several threads at once.

   A size that is a pointer is the room in the buffer before, and what is needed, or was written, afterwards. With
   NULL for the buffer nothing is done but to say which room is enough. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <olos/tee.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* In which TEE the program runs: OLOS_TEE_NONE outside of a package, OLOS_TEE_SIMULATED. */
int olos_tee_kind(void);

/* Who the app itself is, from evidence that is made and verified now. */
int olos_identity(struct olos_identity *identity);

/* Evidence about the app, with 64 bytes of its choice inside. OLOS_EVIDENCE_ROOM is always enough. */
int olos_evidence(const uint8_t report_data[64], uint8_t *evidence, size_t *size);

/* Who made this evidence. `flags`: OLOS_ALLOW_SIMULATED, OLOS_ALLOW_DEBUG. */
int olos_verify_evidence(const uint8_t *evidence, size_t size, unsigned flags, struct olos_identity *identity);

/* A key and a self-signed certificate for it, with evidence inside. `curve`: OLOS_CURVE_P256, OLOS_CURVE_P384;
   `flags`: 0 for DER, OLOS_PEM. OLOS_CERTIFICATE_ROOM and OLOS_KEY_ROOM are always enough. */
int olos_generate_cert(int curve, unsigned flags, uint8_t *certificate, size_t *certificate_size, uint8_t *key,
                       size_t *key_size);

/* Whether an identity is the one that is wanted: 0 for yes, a negative errno to refuse it with. */
typedef int olos_policy(const struct olos_identity *identity, void *argument);

/* Verify a certificate, and ask `policy` whether its identity will do: its answer is returned, -EACCES in place of
   a positive one. There is no default: NULL is refused with -EINVAL. */
int olos_verify_cert(const uint8_t *certificate, size_t size, unsigned flags, olos_policy *policy, void *argument);

/* How much longer sealed data is than the data. */
#define OLOS_SEAL_OVERHEAD 80

/* Encrypt data so that only this measurement (OLOS_KEY_OF_MEASUREMENT), or only layouts of the same signer and
   product id with at least this security version (OLOS_KEY_OF_SIGNER), can open it again, and notice any change.
   `aad` is not encrypted and not kept: who opens must give the same. `data` may be `sealed` + 64; other
   overlaps are refused with -EINVAL. */
int olos_seal(int policy, const uint8_t *data, size_t size, const uint8_t *aad, size_t aad_size, uint8_t *sealed,
              size_t *sealed_size);

/* Open sealed data. `data` may be `sealed` + 64. If it does not open, `data` holds zeros. With NULL for `data`
   the size is said and nothing is verified; for data of no bytes give any other pointer. */
int olos_unseal(const uint8_t *sealed, size_t sealed_size, const uint8_t *aad, size_t aad_size, uint8_t *data,
                size_t *size);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
