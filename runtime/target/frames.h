/* The target's end of the control line (include/olos/control.h): what is to be told to init, never more at a
   time than its window allows. */
#pragma once

#include "../common/util.h"
#include "../include/olos/control.h"

#define FRAMES_MAX_SIGNAL 64

struct frames {
    int line;
    unsigned unanswered;
    bool signals[2][FRAMES_MAX_SIGNAL + 1]; /* [1]: for the app's whole foreground group */
    bool closed[CONTROL_STDERR + 1];
    bool go, end_of_input, window_size;
    struct control_frame data[CONTROL_SLOTS];
    size_t data_count;
    uint8_t pending[sizeof(struct control_frame)]; /* of a frame from init */
    size_t have;
};

/* To be told in its turn. Each is told once, however often it is set before. */
void frames_add_signal(struct frames *frames, int number, bool group);
void frames_add_data(struct frames *frames, uint8_t slot, uint32_t size);

/* Send what may be sent. Returns 0, or -1 when the line has failed. */
int frames_send(struct frames *frames);

/* As control_receive of init: 1 with a frame, 0 if there is none yet, -1 at the end. Answers are counted. */
int frames_receive(struct frames *frames, struct control_frame *frame);
