/* One of the app's output streams, from its pipe or terminal to a serial line. */
#pragma once

#include <poll.h>

#include "../common/util.h"

struct output {
    int source;     /* init's end, not blocking; -1 when it is closed */
    int line;       /* not blocking */
    uint64_t count; /* bytes written to the line */
    size_t have, sent;
    uint8_t buffer[65536];
};

/* What to wait for: either the source or the line, never both. */
struct pollfd output_wait(const struct output *output);

/* Do what is possible without waiting. */
void output_move(struct output *output);

/* Nobody reads this stream any more: the app shall see a broken pipe. */
void output_close(struct output *output);

/* Pass on all that is left, waiting for the line, once the app has ended. */
void output_finish(struct output *output);
