/* Canonical JSON (RFC 8785) of strings, numbers and flags, into memory that grows. */
#pragma once

#include "../common/manifest.h"

struct text {
    char *data;
    size_t size, capacity;
};

void text_append(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A list of strings in JSON. Returns 0, or -1 with `error` filled in if one of them is not UTF-8; `what` names
   them. */
int text_append_list(struct text *text, const struct olos_texts *list, const char *what,
                     struct olos_error *error);
