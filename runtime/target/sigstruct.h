/* The signature of a layout, checked as EINIT would (docs/formats.md section 8). */
#pragma once

#include "../common/package.h"

/* Whether the layout is signed (`*is_signed`), and by whom: the SHA-256 of the modulus. Returns 0, or -1 with `error`
   filled in if the signature is not genuine, or says something else of this measurement and policy. */
int sigstruct_check(const struct olos_layout *layout, const struct olos_policy *policy, const uint8_t measurement[32],
                    bool *is_signed, uint8_t signer[32], struct olos_error *error);
