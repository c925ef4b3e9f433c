/* What the system calls of the TEE do (include/olos/tee.h). For one thread at a time. */
#pragma once

#include "caller.h"

/* The host name in certificates. */
void tee_requests_prepare(const char *hostname);

/* Do one call of a caller. Returns 0 or a negative errno. */
int tee_request(const struct caller *caller, int number, uint64_t arguments, uint64_t size);
