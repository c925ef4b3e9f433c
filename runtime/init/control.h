/* Init's end of the control line (include/olos/control.h). */
#pragma once

#include "../common/util.h"
#include "../include/olos/control.h"

/* Open the line and say hello. Returns its descriptor, or -1 with `error` filled in. */
int control_open(struct olos_error *error);

/* Send a frame. The target always reads, so this does not wait for long. */
void control_send(int line, struct control_frame frame);

/* Read what is there. Returns 1 with a frame, 0 while the rest of it is still to come, -1 when the line
   has failed. */
int control_receive(int line, struct control_frame *frame);

/* Tell the target that all is set up, and wait until it has confined the kernel. */
void control_await_go(int line);

/* Open a serial line of the guest, raw in both directions. Returns -1 with `error` filled in. */
int line_open(unsigned number, int flags, struct olos_error *error);

/* Tell the target what went wrong and wait for the end. */
_Noreturn void control_fail(int line, const struct olos_error *error);

/* Wait for the target to end the kernel; power off if it does not. */
_Noreturn void control_halt(void);
