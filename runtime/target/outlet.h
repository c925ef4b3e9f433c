/* One output stream on its way from the kernel's line to the caller. */
#pragma once

#include <poll.h>

#include "../common/util.h"

struct outlet {
    int line;         /* from the kernel, not blocking */
    int sink;         /* the caller's stream */
    bool closed;      /* the caller does not read any more: what comes is dropped */
    bool is_file;     /* writing never waits */
    uint64_t count;   /* bytes that came */
    size_t have, sent;
    uint8_t buffer[65536];
};

void outlet_open(struct outlet *outlet, int line, int sink);

/* What to wait for: either the line or the sink, never both. */
struct pollfd outlet_wait(const struct outlet *outlet);

/* Do what is possible without waiting. */
void outlet_move(struct outlet *outlet);
