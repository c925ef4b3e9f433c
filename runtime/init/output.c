#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

struct pollfd output_wait(const struct output *output)
{
    if (output->have)
        return (struct pollfd){.fd = output->line, .events = POLLOUT};
    return (struct pollfd){.fd = output->source, .events = POLLIN};
}

/* A terminal without any open end for the app gives EIO: another may be opened later. */
static void fill(struct output *output)
{
    ssize_t count = read(output->source, output->buffer, sizeof output->buffer);
    output->sent = 0;
    output->have = count > 0 ? (size_t)count : 0;
    if (count == 0)
        output_close(output);
}

static void flush(struct output *output)
{
    ssize_t count = write(output->line, output->buffer + output->sent, output->have - output->sent);
    if (count < 0)
        return;
    output->sent += (size_t)count;
    output->count += (uint64_t)count;
    if (output->sent == output->have)
        output->have = 0;
}

void output_move(struct output *output)
{
    if (!output->have && output->source >= 0)
        fill(output);
    if (output->have)
        flush(output);
}

void output_close(struct output *output)
{
    if (output->source >= 0)
        close(output->source);
    output->source = -1;
}

void output_finish(struct output *output)
{
    if (output->line < 0)
        return;
    fcntl(output->line, F_SETFL, 0);
    do
        output_move(output);
    while (output->have || (output->source >= 0 && (fill(output), output->have)));
    tcdrain(output->line);
}
