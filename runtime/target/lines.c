#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../include/olos/control.h"
#include "component.h"

/* How long the rest of a message may take once its frame is there. */
#define PATIENCE_SECONDS 2

static void make_pipe(int *ours, int *kernels)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        die(OLOS_FAILED, "no pipe: %s", strerror(errno));
    *ours = ends[0];
    *kernels = ends[1];
    fcntl(*ours, F_SETFL, O_NONBLOCK);
    fcntl(*kernels, F_SETFD, 0);
}

static void make_socket(int *ours, int *kernels)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        die(OLOS_FAILED, "no socket: %s", strerror(errno));
    *ours = ends[0];
    *kernels = ends[1];
}

static void make_control(int *ours, int *kernels)
{
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    make_socket(ours, kernels);
    setsockopt(*ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    fcntl(*kernels, F_SETFD, 0);
}

static void make_slots(uint8_t **ours, int *kernels)
{
    size_t size = CONTROL_SLOTS * CONTROL_SLOT_SIZE;
    *kernels = memory_file("stdin");
    *ours = ftruncate(*kernels, (off_t)size) ? MAP_FAILED
                                             : mmap(NULL, size, PROT_WRITE, MAP_SHARED, *kernels, 0);
    if (*ours == MAP_FAILED)
        die(OLOS_FAILED, "no memory for standard input: %s", strerror(errno));
}

void lines_open(struct lines *lines, struct kernel_lines *kernels)
{
    make_control(&lines->control, &kernels->control);
    make_pipe(&lines->stdout_line, &kernels->stdout_line);
    make_pipe(&lines->stderr_line, &kernels->stderr_line);
    make_pipe(&lines->log, &kernels->log);
    make_slots(&lines->slots, &kernels->slots);
    make_socket(&lines->channel, &kernels->channel);
}

void lines_close_kernels(const struct kernel_lines *kernels)
{
    close(kernels->control);
    close(kernels->stdout_line);
    close(kernels->stderr_line);
    close(kernels->log);
    close(kernels->slots);
    close(kernels->channel);
}
