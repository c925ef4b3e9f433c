/* passt, the user-mode network stack: a program of the host's, outside of what is measured (docs/adr/0010-network.md). */
#pragma once

#include <limits.h>

#include "publish.h"

#define PASST_STREAM 3

struct passt {
    char program[PATH_MAX];
    const struct publications *publications;
};

/* Find the program. Returns 0, or -1 with `error` filled in. */
int passt_find(struct passt *passt, struct olos_error *error);

/* Become passt. Frames go over the descriptor PASST_STREAM. Returns only on failure. */
void passt_execute(const struct passt *passt);
