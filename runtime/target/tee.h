/* The simulated TEE: what it knows of the app, and its answers (docs/tcall.md). */
#pragma once

#include "../common/manifest.h"

/* Whose evidence and keys these are. `signer` is NULL if the layout is not signed. */
void tee_prepare(const struct olos_policy *policy, const uint8_t measurement[32], const uint8_t *signer);

/* Answer one request (include/olos/tee_call.h). Nothing in it is trusted. Returns 0 with the size of the answer, or a
   negative errno. `answer` may be memory that the kernel sees: it is only ever written. When the root key cannot be had
   (-ENOKEY), lines on standard error say why, once. */
int tee_answer(uint32_t kind, const uint8_t *body, size_t size, uint8_t *answer, size_t room, size_t *answer_size);

/* Print the root certificate, PEM. Returns 0, or -1 with `error` filled in. */
int tee_print_root(struct olos_error *error);
