#include "event_loop.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "control.h"
#include "signals.h"

#define BOOT_SECONDS 120
#define BOOT_PAUSE_MS 1000

static void answer_kernel(struct session *session, short events)
{
    int refused = events & POLLIN ? confine_answer(session->questions, !session->confined, session->supplies) : -1;
    if (refused >= 0 && session->log.show)
        dprintf(STDERR_FILENO, "olos: host system call %d is refused\n", refused);
    if (events & POLLHUP) {
        close(session->questions);
        session->questions = -1;
    }
}

static void read_network_report(struct session *session)
{
    if (session->phase == ENDED)
        return;
    if (network_read_report(session->options->network, session->error)) {
        session->failed = true;
        session->phase = ENDED;
        return;
    }
    session->network_ready = true;
    session->frames.go = session->init_ready;
}

/* Without it everybody who uses a mount would wait for ever. */
static void take_end_of_mounts(struct session *session)
{
    char byte;
    if (read(session->mounts.life, &byte, 1) == 0 && session->phase < ENDING)
        session_fail(session, "the server of the host mounts has ended");
}

static void move_output(struct session *session, int which)
{
    struct outlet *outlet = &session->outlets[which];
    bool closed = outlet->closed;
    outlet_move(outlet);
    if (outlet->closed && !closed)
        session->frames.closed[CONTROL_STDOUT + which] = true;
}

static bool all_delivered(const struct session *session)
{
    const struct outlet *out = &session->outlets[0], *err = &session->outlets[1];
    return out->count + err->count >= session->output_expected && !out->have && !err->have;
}

static void serve(struct session *session, int timeout)
{
    struct pollfd waits[] = {
        {.fd = session->frames.line, .events = POLLIN},
        outlet_wait(&session->outlets[0]),
        outlet_wait(&session->outlets[1]),
        {.fd = session->signals, .events = POLLIN},
        caller_input_wait(&session->input),
        {.fd = session->log.line, .events = POLLIN},
        {.fd = session->guard.report, .events = POLLIN},
        {.fd = session->questions, .events = POLLIN},
        {.fd = session->phase < ENDING ? session->mounts.life : -1, .events = POLLIN},
        {.fd = session->options->network->report, .events = POLLIN},
        {.fd = session->tee.requests, .events = POLLIN},
    };
    if (poll(waits, sizeof waits / sizeof *waits, timeout) < 0)
        return;
    if (waits[0].revents)
        control_read(session);
    for (int i = 0; i < 2; i++)
        if (waits[1 + i].revents)
            move_output(session, i);
    if (waits[3].revents)
        signals_read(session);
    if (waits[4].revents)
        caller_input_read(&session->input, &session->frames);
    if (waits[5].revents && !log_read(&session->log)) {
        close(session->log.line);
        session->log.line = -1;
    }
    if (waits[6].revents)
        session_kernel_has_ended(session);
    if (waits[7].revents)
        answer_kernel(session, waits[7].revents);
    if (waits[8].revents)
        take_end_of_mounts(session);
    if (waits[9].revents)
        read_network_report(session);
    if (waits[10].revents && tee_channel_serve(&session->tee) && session->phase != ENDED)
        session_fail(session, "init has sent a wrong request of the TEE");
}

/* What init does not do in time happens by the end of the kernel. */
static void end_grace(struct session *session)
{
    if (session->grace.step == GRACE_KILLED)
        frames_add_signal(&session->frames, SIGKILL, false);
    else {
        if (session->phase == RUNNING)
            session->outcome = (struct outcome){.by_signal = true, .code = SIGKILL};
        session->phase = ENDED;
    }
}

/* In ms, or -1. */
static int pause_of_loop(const struct session *session)
{
    int input = caller_input_pause(&session->input), grace = grace_pause(&session->grace);
    if (session->phase == BOOTING)
        return BOOT_PAUSE_MS;
    return input < 0 || (grace >= 0 && grace < input) ? grace : input;
}

void event_loop_run(struct session *session)
{
    time_t begin = time(NULL);
    while (session->phase != ENDED) {
        serve(session, pause_of_loop(session));
        if (session->phase == BOOTING && time(NULL) - begin > BOOT_SECONDS) {
            session_fail(session, "the kernel does not start");
            log_show_tail(&session->log);
        }
        if (session->phase != ENDED && grace_has_ended(&session->grace))
            end_grace(session);
        if (frames_send(&session->frames))
            session_kernel_has_ended(session);
        if (session->phase == ENDING && all_delivered(session))
            session->phase = ENDED;
    }
}
