#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/util.h"
#include "../include/olos/control.h"

#define LINES_SHOWN 20

static void keep(struct log *log, const char *data, size_t size)
{
    size_t excess = log->size + size > sizeof log->tail ? log->size + size - sizeof log->tail : 0;
    if (excess > log->size)
        excess = log->size;
    memmove(log->tail, log->tail + excess, log->size - excess);
    log->size -= excess;
    memcpy(log->tail + log->size, data, size);
    log->size += size;
}

bool log_read(struct log *log)
{
    char buffer[sizeof log->tail / 2];
    ssize_t count = read(log->line, buffer, sizeof buffer);
    if (count <= 0)
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    if (log->show)
        write_full(STDERR_FILENO, buffer, (size_t)count);
    keep(log, buffer, (size_t)count);
    return true;
}

void log_drain(struct log *log)
{
    while (poll(&(struct pollfd){.fd = log->line, .events = POLLIN}, 1, 0) > 0 && log_read(log))
        ;
}

void log_show_tail(const struct log *log)
{
    size_t from = log->size, lines = 0;
    while (from > 0 && (log->tail[from - 1] != '\n' || lines++ <= LINES_SHOWN))
        from--;
    if (!log->show)
        write_full(STDERR_FILENO, log->tail + from, log->size - from);
}

int log_pass(int control, size_t size)
{
    char text[CONTROL_MESSAGE] = "";
    struct olos_error line;
    if (size >= sizeof text || read_full(control, text, size) != (ssize_t)size)
        return -1;
    olos_fail(&line, OLOS_OK, "%s", text); /* so that a terminal has nothing to interpret */
    dprintf(STDERR_FILENO, "olos: %s\n", line.text);
    return 0;
}
