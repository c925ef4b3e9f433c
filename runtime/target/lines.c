#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../include/olos/control.h"
#include "../include/olos/mounts.h"
#include "../include/olos/tee_call.h"
#include "component.h"

/* How long the rest of a message may take once its frame is there. */
#define PATIENCE_SECONDS 2

/* So that the kernel need not wait while the server is at work. Less is granted where the host allows less. */
#define REQUESTS_SIZE (1 << 20)

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

static void make_slots(uint8_t **ours, int *kernels, const char *name, size_t size)
{
    *kernels = memory_file(name);
    *ours = ftruncate(*kernels, (off_t)size) ? MAP_FAILED
                                             : mmap(NULL, size, PROT_WRITE, MAP_SHARED, *kernels, 0);
    if (*ours == MAP_FAILED)
        die(OLOS_FAILED, "no memory for %s: %s", name, strerror(errno));
}

/* One way each, since a serial line may have a descriptor for either. */
static void make_mount_lines(struct lines *lines, struct kernel_lines *kernels)
{
    int requests[2], notices[2];
    if (pipe2(requests, O_CLOEXEC) || pipe2(notices, O_CLOEXEC))
        die(OLOS_FAILED, "no pipe: %s", strerror(errno));
    fcntl(requests[0], F_SETPIPE_SZ, REQUESTS_SIZE);
    fcntl(notices[1], F_SETFL, O_NONBLOCK); /* the server never waits for the kernel */
    fcntl(requests[1], F_SETFD, 0);
    fcntl(notices[0], F_SETFD, 0);
    lines->mount_requests = requests[0];
    kernels->mount_requests = requests[1];
    kernels->mount_notices = notices[0];
    lines->mount_notices = notices[1];
    make_slots(&lines->mount_slots, &kernels->mount_slots, "mounts", (size_t)MOUNT_SLOTS * MOUNT_SLOT_SIZE);
}

/* Nobody waits for the other side here: what it does not read is an error. */
static void make_tee_lines(struct lines *lines, struct kernel_lines *kernels)
{
    int answers[2];
    make_pipe(&lines->tee_requests, &kernels->tee_requests);
    if (pipe2(answers, O_CLOEXEC))
        die(OLOS_FAILED, "no pipe: %s", strerror(errno));
    fcntl(answers[1], F_SETFL, O_NONBLOCK);
    fcntl(answers[0], F_SETFD, 0);
    kernels->tee_answers = answers[0];
    lines->tee_answers = answers[1];
    lines->tee_slot = lines->slots + CONTROL_TEE_SLOT;
}

void lines_open(struct lines *lines, struct kernel_lines *kernels, bool host_mounts)
{
    make_control(&lines->control, &kernels->control);
    make_pipe(&lines->stdout_line, &kernels->stdout_line);
    make_pipe(&lines->stderr_line, &kernels->stderr_line);
    make_pipe(&lines->log, &kernels->log);
    make_slots(&lines->slots, &kernels->slots, "slots", CONTROL_TEE_SLOT + TEE_MAX_ANSWER);
    make_tee_lines(lines, kernels);
    make_socket(&lines->channel, &kernels->channel);
    kernels->mount_requests = kernels->mount_notices = kernels->mount_slots = -1;
    lines->mount_requests = lines->mount_notices = -1;
    if (host_mounts)
        make_mount_lines(lines, kernels);
}

void lines_close_kernels(const struct kernel_lines *kernels)
{
    close(kernels->control);
    close(kernels->stdout_line);
    close(kernels->stderr_line);
    close(kernels->log);
    close(kernels->slots);
    close(kernels->channel);
    close(kernels->tee_requests);
    close(kernels->tee_answers);
    if (kernels->mount_slots < 0)
        return;
    close(kernels->mount_requests);
    close(kernels->mount_notices);
    close(kernels->mount_slots);
}

void lines_close_mounts(struct lines *lines)
{
    close(lines->mount_requests);
    close(lines->mount_notices);
    munmap(lines->mount_slots, (size_t)MOUNT_SLOTS * MOUNT_SLOT_SIZE);
    lines->mount_requests = lines->mount_notices = -1;
    lines->mount_slots = NULL;
}
