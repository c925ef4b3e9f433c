#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

void outlet_open(struct outlet *outlet, int line, int sink)
{
    struct stat status;
    *outlet = (struct outlet){.line = line, .sink = sink};
    outlet->is_file = fstat(sink, &status) == 0 && S_ISREG(status.st_mode);
    fcntl(line, F_SETFL, O_NONBLOCK);
}

struct pollfd outlet_wait(const struct outlet *outlet)
{
    if (outlet->have)
        return (struct pollfd){.fd = outlet->sink, .events = POLLOUT};
    return (struct pollfd){.fd = outlet->line, .events = POLLIN};
}

static void fill(struct outlet *outlet)
{
    ssize_t count = read(outlet->line, outlet->buffer, sizeof outlet->buffer);
    if (count <= 0)
        return;
    outlet->count += (uint64_t)count;
    outlet->have = outlet->closed ? 0 : (size_t)count;
    outlet->sent = 0;
}

/* The caller's stream may block, and is not ours to change: so no more than surely fits into a pipe that
   poll has called writable. */
static void flush(struct outlet *outlet)
{
    size_t size = outlet->have - outlet->sent;
    if (!outlet->is_file && size > PIPE_BUF)
        size = PIPE_BUF;
    ssize_t count = write(outlet->sink, outlet->buffer + outlet->sent, size);
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
        outlet->closed = true;
        outlet->have = 0;
    }
    if (count > 0)
        outlet->sent += (size_t)count;
    if (outlet->sent == outlet->have)
        outlet->have = 0;
}

void outlet_move(struct outlet *outlet)
{
    if (outlet->have)
        flush(outlet);
    else
        fill(outlet);
}
