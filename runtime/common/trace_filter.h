/* Which system calls `--olos-trace` shows (docs/debugging.md). */
#pragma once

#include "util.h"

#define TRACE_MAX_CALLS 512

struct trace_filter {
    bool shown[TRACE_MAX_CALLS];
    bool unknown; /* numbers that no known call has */
    bool failed;  /* only calls that fail */
};

/* Read NAME, %CLASS or !NAME, !%CLASS, with commas between; the empty text stands for all. Returns 0, or -1 with
   `error` filled in. */
int trace_filter_read(struct trace_filter *filter, const char *list, struct olos_error *error);

bool trace_filter_shows(const struct trace_filter *filter, uint64_t number);
