#include "frames.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "terminal.h"

void frames_add_signal(struct frames *frames, int number, bool group)
{
    if (number > 0 && number <= FRAMES_MAX_SIGNAL)
        frames->signals[group][number] = true;
}

void frames_add_data(struct frames *frames, uint8_t slot, uint32_t size)
{
    frames->data[frames->data_count++] = (struct control_frame){.kind = CONTROL_DATA, .a = slot, .c = size};
}

static bool next_signal(struct frames *frames, struct control_frame *frame)
{
    for (uint16_t group = 0; group < 2; group++)
        for (uint8_t number = 1; number <= FRAMES_MAX_SIGNAL; number++)
            if (frames->signals[group][number]) {
                frames->signals[group][number] = false;
                *frame = (struct control_frame){.kind = CONTROL_SIGNAL, .a = number, .b = group};
                return true;
            }
    return false;
}

static bool next_closed(struct frames *frames, struct control_frame *frame)
{
    for (uint8_t stream = CONTROL_STDOUT; stream <= CONTROL_STDERR; stream++)
        if (frames->closed[stream]) {
            frames->closed[stream] = false;
            *frame = (struct control_frame){.kind = CONTROL_CLOSED, .a = stream};
            return true;
        }
    return false;
}

static bool next_input(struct frames *frames, struct control_frame *frame)
{
    if (frames->data_count) {
        *frame = frames->data[0];
        memmove(&frames->data[0], &frames->data[1], --frames->data_count * sizeof frames->data[0]);
        return true;
    }
    *frame = (struct control_frame){.kind = CONTROL_EOF};
    return frames->end_of_input && !(frames->end_of_input = false);
}

static bool next_go(struct frames *frames, struct control_frame *frame)
{
    *frame = (struct control_frame){.kind = CONTROL_GO};
    return frames->go && !(frames->go = false);
}

static bool next_window_size(struct frames *frames, struct control_frame *frame)
{
    uint16_t columns, rows;
    if (!frames->window_size)
        return false;
    frames->window_size = false;
    terminal_size(&columns, &rows);
    *frame = (struct control_frame){.kind = CONTROL_WINDOW_SIZE, .b = columns, .c = rows};
    return true;
}

int frames_send(struct frames *frames)
{
    struct control_frame frame;
    while (frames->unanswered < CONTROL_WINDOW &&
           (next_go(frames, &frame) || next_signal(frames, &frame) || next_closed(frames, &frame) || next_window_size(frames, &frame) ||
            next_input(frames, &frame))) {
        if (send(frames->line, &frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame)
            return -1;
        frames->unanswered++;
    }
    return 0;
}

int frames_receive(struct frames *frames, struct control_frame *frame)
{
    ssize_t count = read(frames->line, frames->pending + frames->have, sizeof frames->pending - frames->have);
    if (count <= 0)
        return count < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
    frames->have += (size_t)count;
    if (frames->have < sizeof frames->pending)
        return 0;
    memcpy(frame, frames->pending, sizeof frames->pending);
    frames->have = 0;
    if ((frame->kind == CONTROL_TAKEN || frame->kind == CONTROL_DONE) && frames->unanswered)
        frames->unanswered--;
    return 1;
}
