/* Signals of the caller and of the terminal, on their way to the app; and the ends of our own children. */
#pragma once

#include "session_state.h"

/* Block what is passed on, so that it can be read. */
void signals_catch(struct session *session);

/* Take what has come. */
void signals_read(struct session *session);

/* Children that we have not started: of the program in whose place we are, or orphans if we are process 1. */
void signals_reap_others(const struct session *session);
