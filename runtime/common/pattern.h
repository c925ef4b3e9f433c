/* Patterns for values of environment variables (docs/formats.md section 4.1), a subset of POSIX extended
   regular expressions; olos/pattern.py accepts and refuses the same.

   A pattern becomes a program of small steps, and a match follows all its ways at once (Thompson 1968), byte
   by byte: time grows with the value alone, and memory not at all. There is no back-tracking. */
#pragma once

#include "util.h"

#define PATTERN_MAX_LENGTH 255
#define PATTERN_MAX_DEPTH 8
#define PATTERN_MAX_REPEAT 255
#define PATTERN_MAX_PLACES 256
#define PATTERN_MAX_VALUE 4096

/* Each place costs one step, and at most two for each alternative and for each repetition that it stands in:
   those of the groups around it, of the whole and of its own. One place may be too many, and the end is one. */
#define PATTERN_MAX_STEPS ((PATTERN_MAX_PLACES + 1) * (1 + 4 * (PATTERN_MAX_DEPTH + 1)) + 1)

struct pattern_set { /* of bytes */
    uint32_t words[8];
};

struct pattern_step {
    enum pattern_kind { PATTERN_TAKE, PATTERN_SPLIT, PATTERN_JUMP, PATTERN_END } kind;
    int to; /* TAKE: the set; JUMP: the way, SPLIT: the other way, both as a distance */
};

struct pattern {
    size_t set_count, step_count;
    struct pattern_set sets[PATTERN_MAX_LENGTH];
    struct pattern_step steps[PATTERN_MAX_STEPS];
};

/* Returns NULL, or what is wrong with the text. */
const char *pattern_compile(struct pattern *pattern, const char *text);

/* Whether the whole value, of at most PATTERN_MAX_VALUE bytes, matches. */
bool pattern_matches(const struct pattern *pattern, const char *value);
