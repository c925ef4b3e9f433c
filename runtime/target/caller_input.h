/* Standard input of the caller, on its way into the slots that init empties (include/olos/control.h). */
#pragma once

#include <poll.h>

#include "frames.h"

struct caller_input {
    bool open;
    uint8_t *slots;
    bool used[CONTROL_SLOTS];
    int64_t begin; /* where a file was read from; -1 for what cannot go back */
};

void caller_input_open(struct caller_input *input, uint8_t *slots);

/* What to wait for, and how long at most (in ms; -1: for ever). */
struct pollfd caller_input_wait(const struct caller_input *input);
int caller_input_pause(const struct caller_input *input);

/* Read once, and tell init. */
void caller_input_read(struct caller_input *input, struct frames *frames);

/* Take a frame CONTROL_TAKEN. */
void caller_input_taken(struct caller_input *input, const struct control_frame *frame);

/* The app has ended and has read that many bytes: whoever shares a file with us goes on from there. */
void caller_input_settle(struct caller_input *input, uint64_t consumed);
