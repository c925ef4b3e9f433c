#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "control.h"
#include "input.h"
#include "memory.h"
#include "mounts.h"
#include "output.h"

/* How often a terminal that nobody has open is looked at. */
#define TERMINAL_PAUSE_MS 50

static struct {
    int control, memory;
    pid_t app;
    bool tty, exited;
    int status;
    struct input input;
    struct output outputs[2];
} state;

int relay_prepare(struct olos_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return olos_fail(error, OLOS_FAILED, "init: signals cannot be blocked: %s", strerror(errno));
    int children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0)
        return olos_fail(error, OLOS_FAILED, "init: no signalfd: %s", strerror(errno));
    return children;
}

static void reap(int options)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, options)) > 0)
        if (pid == state.app) {
            state.status = status;
            state.exited = true;
        }
}

static void send_signal(int number, bool group)
{
    pid_t target = group ? -state.app : state.app, foreground;
    if (group && state.tty && (foreground = tcgetpgrp(state.outputs[0].source)) > 0)
        target = -foreground;
    if (!state.exited)
        kill(target, number);
}

static void handle(const struct control_frame *frame)
{
    struct winsize size = {.ws_col = frame->b, .ws_row = (uint16_t)frame->c};
    switch (frame->kind) {
    case CONTROL_DATA:
        input_data(&state.input, frame);
        return; /* TAKEN is the answer */
    case CONTROL_EOF:
        input_end(&state.input);
        break;
    case CONTROL_SIGNAL:
        send_signal(frame->a, frame->b == 1);
        break;
    case CONTROL_WINDOW_SIZE:
        ioctl(state.outputs[0].source, TIOCSWINSZ, &size);
        break;
    case CONTROL_CLOSED:
        if (frame->a == CONTROL_STDOUT || frame->a == CONTROL_STDERR)
            output_close(&state.outputs[frame->a - CONTROL_STDOUT]);
        break;
    default:
        die(OLOS_FAILED, "init: the target has sent an unknown frame");
    }
    control_send(state.control, (struct control_frame){.kind = CONTROL_DONE});
}

static uint16_t victims(void)
{
    uint64_t count = memory_victims(state.memory);
    return count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
}

static _Noreturn void finish(void)
{
    kill(-1, SIGKILL);
    reap(0);
    mounts_finish();
    output_finish(&state.outputs[0]);
    output_finish(&state.outputs[1]);
    bool by_signal = WIFSIGNALED(state.status);
    int code = by_signal ? WTERMSIG(state.status) : WEXITSTATUS(state.status);
    uint64_t consumed = input_consumed(&state.input);
    uint64_t delivered = state.outputs[0].count + state.outputs[1].count;
    control_send(state.control, (struct control_frame){.kind = CONTROL_CONSUMED, .d = consumed});
    control_send(state.control, (struct control_frame){.kind = CONTROL_EXIT,
                                                       .a = by_signal,
                                                       .b = victims(),
                                                       .c = (uint32_t)code,
                                                       .d = delivered});
    control_halt();
}

static void serve_control(void)
{
    struct control_frame frame;
    int got = control_receive(state.control, &frame);
    if (got < 0)
        die(OLOS_FAILED, "init: the control line has failed");
    if (got)
        handle(&frame);
}

static void drain(int children)
{
    struct signalfd_siginfo information;
    while (read(children, &information, sizeof information) == sizeof information)
        ;
    reap(WNOHANG);
}

/* A terminal that nobody has open reports a hang-up at every poll. */
static bool is_hung_up(const struct pollfd *waits)
{
    return state.tty && ((waits[2].revents | waits[4].revents) & POLLHUP) && !(waits[2].revents & POLLIN);
}

static void serve(int children)
{
    struct pollfd waits[] = {
        {.fd = state.control, .events = POLLIN},
        {.fd = children, .events = POLLIN},
        output_wait(&state.outputs[0]),
        output_wait(&state.outputs[1]),
        input_wait(&state.input),
    };
    if (poll(waits, sizeof waits / sizeof *waits, -1) < 0)
        return; /* EINTR; anything else comes again */
    if (waits[0].revents)
        serve_control();
    if (waits[1].revents)
        drain(children);
    for (int i = 0; i < 2; i++)
        if (waits[2 + i].revents)
            output_move(&state.outputs[i]);
    if (waits[4].revents & POLLERR && !state.tty)
        input_close(&state.input);
    if (waits[4].revents)
        input_move(&state.input);
    if (is_hung_up(waits))
        poll(NULL, 0, TERMINAL_PAUSE_MS);
}

_Noreturn void relay(const struct relay_lines *lines, const struct streams *streams, pid_t app, bool tty)
{
    state.control = lines->control;
    state.memory = lines->memory;
    state.app = app;
    state.tty = tty;
    state.input = (struct input){
        .control = lines->control, .device = lines->slots, .sink = streams->init[0], .terminal = tty, .left_over = -1};
    state.outputs[0].source = streams->init[1];
    state.outputs[0].line = lines->stdout_line;
    state.outputs[1].source = streams->init[2];
    state.outputs[1].line = lines->stderr_line;
    while (!state.exited)
        serve(lines->children);
    finish();
}
