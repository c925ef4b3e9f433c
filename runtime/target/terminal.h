/* The caller's terminal, when the app gets one. */
#pragma once

#include <termios.h>

#include "../common/util.h"

struct terminal {
    bool used; /* standard input and output are a terminal of which this is the foreground job */
    int device; /* open beside the standard streams, which may be closed meanwhile */
    struct termios saved;
};

/* Look at the standard streams. */
void terminal_find(struct terminal *terminal);

/* Every key goes to the app, and nothing is changed on its way. */
void terminal_make_raw(const struct terminal *terminal);

/* As it was found. May be called at any time, and twice. */
void terminal_restore(const struct terminal *terminal);

/* 0 by 0 if there is none. */
void terminal_size(uint16_t *columns, uint16_t *rows);
