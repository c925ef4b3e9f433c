/* Init's end of the line to the TEE (include/olos/tee_call.h). */
#pragma once

#include "../common/util.h"
#include "../include/olos/tee_call.h"

/* Open line and slot. Returns 0, or -1 with `error` filled in. */
int tee_call_open(struct olos_error *error);

/* Ask, and wait for the answer. For one thread at a time. Returns 0 with the size of the answer, or a negative errno:
   -ENOKEY, -EPERM or -EINVAL from the TEE, -EIO for anything else; -ERANGE if `room` is too small. */
int tee_call(enum tee_call_kind kind, const void *body, size_t size, void *answer, size_t room, size_t *answer_size);
