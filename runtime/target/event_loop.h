/* One thread waits for all that a session hears of: init, the kernel, the app's streams, the caller, the network. */
#pragma once

#include "session_state.h"

/* Serve them until the session has ended. */
void event_loop_run(struct session *session);
