/* What init says on the control line (include/olos/control.h), and what it means for the session. */
#pragma once

#include "session_state.h"

/* Take one frame, if a whole one is there. */
void control_read(struct session *session);
