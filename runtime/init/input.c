#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "block.h"
#include "control.h"

#define SECTOR 512
#define END_OF_TRANSMISSION 4 /* what ends the input of a terminal in its usual mode */

/* Direct reading, as the host changes what is in the slots, needs memory on whole sectors. */
static _Alignas(4096) uint8_t buffer[CONTROL_SLOT_SIZE];

int input_open(struct olos_error *error)
{
    static const char path[] = "/dev/slots";
    if (mknod(path, S_IFBLK | 0400, makedev(UBD_MAJOR, UBD_MINORS * CONTROL_STDIN)) && errno != EEXIST)
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be made: %s", path, strerror(errno));
    int device = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (device < 0)
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be opened: %s", path, strerror(errno));
    return device;
}

struct pollfd input_wait(const struct input *input)
{
    /* Without events poll still tells when the last reader is gone. */
    return (struct pollfd){.fd = input->sink, .events = input->have || input->queued ? POLLOUT : 0};
}

static void give_back(struct input *input)
{
    control_send(input->control, (struct control_frame){
                                     .kind = CONTROL_TAKEN, .a = input->queue[0].slot, .b = input->sink < 0});
    memmove(&input->queue[0], &input->queue[1], --input->queued * sizeof input->queue[0]);
    input->have = input->sent = 0;
}

static void load(struct input *input)
{
    size_t size = input->queue[0].size, rounded = (size + SECTOR - 1) / SECTOR * SECTOR;
    uint64_t offset = (uint64_t)input->queue[0].slot * CONTROL_SLOT_SIZE;
    if (pread_full(input->device, buffer, rounded, offset) != (ssize_t)rounded)
        die(OLOS_FAILED, "init: the slots of standard input cannot be read");
    input->have = size;
}

/* With nothing more to write, a reader of our own does not hide that the app has none. */
static void keep_left_over(struct input *input)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", input->sink);
    input->left_over = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

uint64_t input_consumed(const struct input *input)
{
    int pipe = input->sink >= 0 ? input->sink : input->left_over, left = 0;
    if (pipe >= 0 && !input->terminal && ioctl(pipe, FIONREAD, &left) == 0)
        return input->count - (uint64_t)left;
    return input->count;
}

/* What is in a pipe that nobody reads any more has not been read. */
static void take_back(struct input *input)
{
    if (input->left_over < 0)
        input->count = input_consumed(input);
}

static void end_if_due(struct input *input)
{
    static const uint8_t end = END_OF_TRANSMISSION;
    if (!input->ended || input->queued || input->sink < 0)
        return;
    if (!input->terminal) {
        keep_left_over(input);
        input_close(input);
    } else if (write(input->sink, &end, 1) == 1)
        input->ended = false;
}

void input_data(struct input *input, const struct control_frame *frame)
{
    if (input->queued == CONTROL_SLOTS || frame->a >= CONTROL_SLOTS || frame->c == 0 ||
        frame->c > CONTROL_SLOT_SIZE)
        die(OLOS_FAILED, "init: the target has sent a wrong frame of data");
    input->queue[input->queued].slot = frame->a;
    input->queue[input->queued++].size = frame->c;
    input_move(input);
}

void input_end(struct input *input)
{
    input->ended = true;
    end_if_due(input);
}

void input_move(struct input *input)
{
    while (input->queued && input->sink >= 0) {
        if (!input->have)
            load(input);
        ssize_t count = write(input->sink, buffer + input->sent, input->have - input->sent);
        if (count < 0 && errno == EPIPE)
            input_close(input);
        if (count < 0)
            break;
        input->sent += (size_t)count;
        input->count += (uint64_t)count;
        if (input->sent == input->have)
            give_back(input);
    }
    while (input->queued && input->sink < 0)
        give_back(input);
    end_if_due(input);
}

void input_close(struct input *input)
{
    if (input->sink >= 0 && !input->terminal) {
        take_back(input);
        close(input->sink);
    }
    input->sink = -1;
}
