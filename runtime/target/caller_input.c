#include "caller_input.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a job in the background looks whether it has come to the foreground. */
#define BACKGROUND_PAUSE_MS 300

void caller_input_open(struct caller_input *input, uint8_t *slots)
{
    struct stat status;
    bool is_file = fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode);
    *input = (struct caller_input){.slots = slots, .begin = is_file ? lseek(STDIN_FILENO, 0, SEEK_CUR) : -1};
}

/* Reading a terminal there would stop us, though the app may never read. */
static bool in_background(void)
{
    pid_t foreground = tcgetpgrp(STDIN_FILENO);
    return foreground > 0 && foreground != getpgrp();
}

static int free_slot(const struct caller_input *input)
{
    for (int i = 0; i < CONTROL_SLOTS; i++)
        if (!input->used[i])
            return i;
    return -1;
}

struct pollfd caller_input_wait(const struct caller_input *input)
{
    bool reads = input->open && free_slot(input) >= 0 && !in_background();
    return (struct pollfd){.fd = reads ? STDIN_FILENO : -1, .events = POLLIN};
}

int caller_input_pause(const struct caller_input *input)
{
    return input->open && in_background() ? BACKGROUND_PAUSE_MS : -1;
}

void caller_input_read(struct caller_input *input, struct frames *frames)
{
    int slot = free_slot(input);
    if (slot < 0 || !input->open) /* closed since poll has said that there is something */
        return;
    ssize_t count = read(STDIN_FILENO, input->slots + slot * CONTROL_SLOT_SIZE, CONTROL_SLOT_SIZE);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (count > 0) {
        input->used[slot] = true;
        frames_add_data(frames, (uint8_t)slot, (uint32_t)count);
    } else {
        input->open = false;
        frames->end_of_input = true;
    }
}

void caller_input_taken(struct caller_input *input, const struct control_frame *frame)
{
    if (frame->a < CONTROL_SLOTS)
        input->used[frame->a] = false;
    if (!frame->b || !input->open)
        return;
    input->open = false;
    if (input->begin < 0)
        close(STDIN_FILENO); /* so that whoever writes to us learns that nobody reads */
}

void caller_input_settle(struct caller_input *input, uint64_t consumed)
{
    input->open = false; /* what is given back must not be read again */
    int64_t now = input->begin < 0 ? -1 : lseek(STDIN_FILENO, 0, SEEK_CUR);
    if (now >= input->begin && input->begin >= 0 && consumed <= (uint64_t)(now - input->begin))
        lseek(STDIN_FILENO, input->begin + (int64_t)consumed, SEEK_SET);
}
