#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"
#include "frame_relay.h"

#define FIRST_LINE (STDERR_FILENO + 1)
#define FRAME_BUFFER (4 << 20) /* as much of it as the host gives */
#define NOISE "Failed to send " /* what passt says where there is no system log */

static int check_options(const struct publications *publications, bool host_loopback,
                         const struct olos_policy *policy, struct olos_error *error)
{
    if (host_loopback && !policy->outgoing)
        return olos_fail(error, OLOS_USAGE,
                         "--olos-host-loopback: the measured policy lets the app open no connections\n"
                         "  hint: build with policy.outgoing = true");
    return publish_check_policy(publications, policy, error);
}

static void enlarge(int socket_end)
{
    int size = FRAME_BUFFER;
    setsockopt(socket_end, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* only speed depends on it */
}

static int make_lines(struct network *network)
{
    int frames[2], stream[2], report[2], messages[2];
    /* Not datagrams: the kernel could send those to any socket of the host that has a name. */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) || pipe2(report, O_CLOEXEC) ||
        pipe2(messages, O_CLOEXEC | O_NONBLOCK))
        return -1;
    enlarge(frames[0]);
    enlarge(frames[1]);
    enlarge(stream[0]);
    enlarge(stream[1]);
    network->kernel = frames[0];
    network->frames = frames[1];
    network->stream = stream[0];
    network->stack = stream[1];
    network->report = report[0];
    network->ready = report[1];
    network->messages = messages[0];
    network->said = messages[1];
    return fcntl(network->kernel, F_SETFD, 0);
}

int network_open(struct network *network, const struct publications *publications, bool host_loopback,
                 const struct olos_policy *policy, struct olos_error *error)
{
    *network = (struct network){.used = policy->outgoing || publications->count,
                                .outgoing = policy->outgoing,
                                .host_loopback = host_loopback,
                                .passt = {.publications = publications},
                                .kernel = -1,
                                .report = -1};
    if (check_options(publications, host_loopback, policy, error))
        return -1;
    if (!network->used)
        return 0;
    if (passt_find(&network->passt, error) || publish_check_free(publications, error))
        return -1;
    if (make_lines(network))
        return olos_fail(error, OLOS_FAILED, "no sockets for the network: %s", strerror(errno));
    return 0;
}

/* ---- its processes ---- */

/* As a child of the guard's: it ends with the guard, and with the group. */
static bool join(pid_t group, pid_t guard)
{
    return setpgid(0, group) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == guard;
}

/* Give the descriptors the numbers from FIRST_LINE on, and close all above them. */
static bool keep_only(const int *lines, int count)
{
    int high[3];
    for (int i = 0; i < count; i++)
        if ((high[i] = fcntl(lines[i], F_DUPFD, FIRST_LINE + count)) < 0)
            return false;
    for (int i = 0; i < count; i++)
        if (dup2(high[i], FIRST_LINE + i) < 0)
            return false;
    if (syscall(SYS_close_range, FIRST_LINE + count, ~0u, 0) == 0)
        return true;
    for (int fd = FIRST_LINE + count; fd < sysconf(_SC_OPEN_MAX); fd++)
        close(fd); /* Linux before 5.9 */
    return true;
}

static void become_relay(const struct network *network)
{
    static struct frame_relay relay = {FIRST_LINE, FIRST_LINE + 1, FIRST_LINE + 2, {0}};
    const struct publications *publications = network->passt.publications;
    const int lines[] = {network->frames, network->stream, network->ready};
    relay.filter.outgoing = network->outgoing;
    relay.filter.host_loopback = network->host_loopback;
    for (size_t i = 0; i < publications->count; i++)
        filter_publish(&relay.filter, publications->items[i].port, publications->items[i].udp);
    prctl(PR_SET_NAME, "olos-network");
    if (keep_only(lines, 3) && confine_relay() == 0)
        frame_relay_run(&relay);
}

static void become_passt(const struct network *network)
{
    if (dup2(network->said, STDERR_FILENO) >= 0 && keep_only(&network->stack, 1))
        passt_execute(&network->passt);
}

void network_start(const struct network *network, pid_t group)
{
    static void (*const become[])(const struct network *) = {become_relay, become_passt};
    pid_t guard = getpid();
    if (!network->used)
        return;
    for (size_t i = 0; i < sizeof become / sizeof *become; i++) {
        if (fork() != 0)
            continue; /* if one is missing, the report ends */
        if (join(group, guard))
            become[i](network);
        _exit(OLOS_FAILED);
    }
    network_leave(network);
}

void network_leave(const struct network *network)
{
    if (!network->used)
        return;
    close(network->kernel);
    close(network->frames);
    close(network->stream);
    close(network->stack);
    close(network->ready);
    close(network->said);
}

/* ---- how it goes ---- */

_Static_assert(PASST_STREAM == FIRST_LINE, "the one line that passt keeps");

/* The last thing that passt has said, as it goes. */
static const char *last_message(const struct network *network, char *text, size_t room)
{
    const char *last = "it has ended";
    ssize_t count = read(network->messages, text, room - 1);
    text[count > 0 ? count : 0] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, NOISE, strlen(NOISE)) != 0)
            last = line;
    return last;
}

int network_read_report(const struct network *network, struct olos_error *error)
{
    char byte, text[4096];
    ssize_t count = read(network->report, &byte, 1);
    const char *message = last_message(network, text, sizeof text);
    if (count == 1)
        return 0;
    return olos_fail(error, OLOS_FAILED, "the network has failed: %.80s: %.400s", network->passt.program, message);
}
