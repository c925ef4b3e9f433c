/* Standard input: from the slots that the target fills to the app's pipe or terminal. */
#pragma once

#include <poll.h>

#include "../common/util.h"
#include "../include/olos/control.h"

struct input {
    int control, device;
    int sink; /* not blocking; -1 when it is closed */
    bool terminal, ended;
    struct {
        uint8_t slot;
        uint32_t size;
    } queue[CONTROL_SLOTS];
    size_t queued, have, sent;
    uint64_t count; /* bytes written to the sink */
    int left_over;  /* reads what the app has not, once the sink of a pipe is closed; else -1 */
};

/* Open the block device with the slots. Returns it, or -1 with `error` filled in. */
int input_open(struct olos_error *error);

/* What to wait for. */
struct pollfd input_wait(const struct input *input);

/* Take the frames CONTROL_DATA and CONTROL_EOF. */
void input_data(struct input *input, const struct control_frame *frame);
void input_end(struct input *input);

/* Do what is possible without waiting. */
void input_move(struct input *input);

/* How many bytes the app has read of a pipe. */
uint64_t input_consumed(const struct input *input);

/* There is no reader any more: what comes is dropped. */
void input_close(struct input *input);
