/* Requests of the TEE that come from init, and the way back of the answers (include/olos/tee_call.h). */
#pragma once

#include <stddef.h>

#include "../include/olos/tee_call.h"

struct tee_channel {
    int requests; /* -1 once the kernel has closed it */
    int answers;
    uint8_t *slot;
    size_t have; /* bytes of the request that is being read */
    uint8_t pending[sizeof(struct tee_call_request) + TEE_MAX_BODY];
};

/* Read what is there; answer when a request is complete. Never waits. Returns 0, or -1 for what is no request, or
   one that comes before the answer to the last has been read. */
int tee_channel_serve(struct tee_channel *channel);
