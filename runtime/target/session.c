#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "component.h"
#include "confine.h"

#define BOOT_SECONDS 120
#define BACKGROUND_PAUSE_MS 300

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

enum phase { BOOTING, RUNNING, ENDING, ENDED };

static struct {
    const struct session_options *options;
    enum phase phase;
    struct guard guard;
    struct frames frames;
    struct outlet outlets[2];
    struct log log;
    int signals;
    int questions; /* of the kernel's system call filter, or -1 */
    bool confined;
    uint8_t *slots;
    bool slot_used[CONTROL_SLOTS];
    bool input_open;
    uint64_t output_expected; /* once the app has ended */
    struct outcome outcome;
    struct olos_error *error;
    bool failed;
} state;

static int fail(const char *text)
{
    state.failed = true;
    state.phase = ENDED;
    return olos_fail(state.error, OLOS_FAILED, "%s", text);
}

/* ---- start ---- */

static void make_pipe(int *ours, int *kernels)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        die(OLOS_FAILED, "no pipe: %s", strerror(errno));
    *ours = ends[0];
    *kernels = ends[1];
    fcntl(ends[1], F_SETFD, 0);
}

static void make_control(int *ours, int *kernels)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        die(OLOS_FAILED, "no socket: %s", strerror(errno));
    *ours = ends[0];
    *kernels = ends[1];
    fcntl(ends[1], F_SETFD, 0);
}

static void make_channel(int *ours, int *kernels)
{
    make_control(ours, kernels);
    fcntl(*kernels, F_SETFD, FD_CLOEXEC);
}

static int make_slots(void)
{
    size_t size = CONTROL_SLOTS * CONTROL_SLOT_SIZE;
    int fd = memory_file("stdin");
    state.slots = ftruncate(fd, (off_t)size) ? MAP_FAILED : mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0);
    if (state.slots == MAP_FAILED)
        die(OLOS_FAILED, "no memory for standard input: %s", strerror(errno));
    return fd;
}

static void catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&set, forwarded[i]);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    state.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (state.signals < 0)
        die(OLOS_FAILED, "no signalfd: %s", strerror(errno));
}

static void close_kernel_lines(const struct kernel_lines *lines)
{
    close(lines->control);
    close(lines->stdout_line);
    close(lines->stderr_line);
    close(lines->log);
    close(lines->slots);
    close(lines->channel);
}

static int start(const struct session_options *options)
{
    struct kernel kernel = {.boot = options->boot, .memory = options->manifest->policy.memory};
    int stdout_line, stderr_line, channel;
    if (kernel_find_memory(&kernel, state.error))
        return -1;
    make_control(&state.frames.line, &kernel.lines.control);
    make_pipe(&stdout_line, &kernel.lines.stdout_line);
    make_pipe(&stderr_line, &kernel.lines.stderr_line);
    make_pipe(&state.log.line, &kernel.lines.log);
    make_channel(&channel, &kernel.lines.channel);
    kernel.lines.slots = make_slots();
    outlet_open(&state.outlets[0], stdout_line, STDOUT_FILENO);
    outlet_open(&state.outlets[1], stderr_line, STDERR_FILENO);
    fcntl(state.log.line, F_SETFL, O_NONBLOCK);
    state.log.show = options->manifest->policy.debug;
    catch_signals();
    if (guard_start(&state.guard, &kernel, options->terminal, state.error))
        return -1;
    close_kernel_lines(&kernel.lines);
    state.questions = confine_receive(channel);
    close(channel);
    return 0;
}

/* ---- from the caller ---- */

static bool in_background(void)
{
    pid_t foreground = tcgetpgrp(STDIN_FILENO);
    return foreground > 0 && foreground != getpgrp();
}

static int free_slot(void)
{
    for (int i = 0; i < CONTROL_SLOTS; i++)
        if (!state.slot_used[i])
            return i;
    return -1;
}

static void read_input(void)
{
    int slot = free_slot();
    if (slot < 0 || in_background())
        return;
    ssize_t count = read(STDIN_FILENO, state.slots + slot * CONTROL_SLOT_SIZE, CONTROL_SLOT_SIZE);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (count > 0) {
        state.slot_used[slot] = true;
        frames_add_data(&state.frames, (uint8_t)slot, (uint32_t)count);
    } else {
        state.input_open = false;
        state.frames.end_of_input = true;
    }
}

static void take_signal(const struct signalfd_siginfo *information)
{
    int number = (int)information->ssi_signo;
    if (number == SIGCONT) {
        if (state.phase == RUNNING) /* whoever stopped us has changed the terminal */
            terminal_make_raw(state.options->terminal);
    } else if (number == SIGWINCH)
        state.frames.window_size = state.options->terminal->used;
    else if (state.phase == BOOTING) {
        state.outcome = (struct outcome){.by_signal = true, .code = number};
        state.phase = ENDED;
    } else
        frames_add_signal(&state.frames, number == SIGTERM ? state.options->manifest->app.stop_signal : number,
                          information->ssi_code == SI_KERNEL); /* a key of the terminal */
}

static void read_signals(void)
{
    struct signalfd_siginfo information;
    while (read(state.signals, &information, sizeof information) == sizeof information)
        take_signal(&information);
}

/* ---- from init ---- */

static void take_failure(const struct control_frame *frame)
{
    char text[CONTROL_MESSAGE + 1] = "";
    int flags = fcntl(state.frames.line, F_GETFL);
    fcntl(state.frames.line, F_SETFL, flags & ~O_NONBLOCK);
    if (frame->c <= CONTROL_MESSAGE && read_full(state.frames.line, text, frame->c) == (ssize_t)frame->c) {
        fail(text);
        state.error->code = (enum olos_exit)frame->a;
    } else
        fail("init has failed");
}

static void take_exit(const struct control_frame *frame)
{
    state.outcome = (struct outcome){.by_signal = frame->a == 1, .code = (int)(frame->c & 0xff)};
    state.output_expected = frame->d;
    state.phase = ENDING;
    state.input_open = false;
}

static void take_frame(const struct control_frame *frame)
{
    switch (frame->kind) {
    case CONTROL_HELLO:
    case CONTROL_DONE:
        break;
    case CONTROL_READY:
        state.confined = true;
        state.frames.go = true;
        break;
    case CONTROL_STARTED:
        state.phase = RUNNING;
        state.input_open = true;
        state.frames.window_size = state.options->terminal->used; /* it may have changed meanwhile */
        terminal_make_raw(state.options->terminal);
        break;
    case CONTROL_TAKEN:
        if (frame->a < CONTROL_SLOTS)
            state.slot_used[frame->a] = false;
        if (frame->b && state.input_open) {
            state.input_open = false;
            close(STDIN_FILENO); /* so that whoever writes to us learns that nobody reads */
        }
        break;
    case CONTROL_FAILED:
        take_failure(frame);
        break;
    case CONTROL_EXIT:
        take_exit(frame);
        break;
    default:
        fail("init has sent an unknown frame");
    }
}

static void take_end_of_kernel(void)
{
    if (state.phase == ENDED)
        return;
    while (log_read(&state.log) && poll(&(struct pollfd){.fd = state.log.line, .events = POLLIN}, 1, 0) > 0)
        ;
    if (state.phase < ENDING) {
        fail("the kernel has ended before the app");
        log_show_tail(&state.log);
    }
    state.phase = ENDED;
}

static void read_control(void)
{
    struct control_frame frame;
    int got = frames_receive(&state.frames, &frame);
    if (got > 0)
        take_frame(&frame);
    else if (got < 0)
        take_end_of_kernel();
}

/* ---- the loop ---- */

static void answer_kernel(short events)
{
    int refused = events & POLLIN ? confine_answer(state.questions, !state.confined) : -1;
    if (refused >= 0 && state.log.show)
        dprintf(STDERR_FILENO, "olos: host system call %d is refused\n", refused);
    if (events & POLLHUP) {
        close(state.questions);
        state.questions = -1;
    }
}

static void move_output(int which)
{
    struct outlet *outlet = &state.outlets[which];
    bool closed = outlet->closed;
    outlet_move(outlet);
    if (outlet->closed && !closed)
        state.frames.closed[CONTROL_STDOUT + which] = true;
}

static bool all_delivered(void)
{
    return state.outlets[0].count + state.outlets[1].count >= state.output_expected && !state.outlets[0].have &&
           !state.outlets[1].have;
}

static void serve(int timeout)
{
    bool reads = state.input_open && free_slot() >= 0 && !in_background();
    struct pollfd waits[] = {
        {.fd = state.frames.line, .events = POLLIN},
        outlet_wait(&state.outlets[0]),
        outlet_wait(&state.outlets[1]),
        {.fd = state.signals, .events = POLLIN},
        {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = state.log.line, .events = POLLIN},
        {.fd = state.guard.report, .events = POLLIN},
        {.fd = state.questions, .events = POLLIN},
    };
    if (poll(waits, sizeof waits / sizeof *waits, timeout) < 0)
        return;
    if (waits[0].revents)
        read_control();
    for (int i = 0; i < 2; i++)
        if (waits[1 + i].revents)
            move_output(i);
    if (waits[3].revents)
        read_signals();
    if (waits[4].revents)
        read_input();
    if (waits[5].revents && !log_read(&state.log)) {
        close(state.log.line);
        state.log.line = -1;
    }
    if (waits[6].revents)
        take_end_of_kernel();
    if (waits[7].revents)
        answer_kernel(waits[7].revents);
}

static void serve_until_end(void)
{
    time_t begin = time(NULL);
    while (state.phase != ENDED) {
        bool waiting = state.input_open && in_background();
        serve(state.phase == BOOTING ? 1000 : waiting ? BACKGROUND_PAUSE_MS : -1);
        if (state.phase == BOOTING && time(NULL) - begin > BOOT_SECONDS) {
            fail("the kernel does not start");
            log_show_tail(&state.log);
        }
        if (frames_send(&state.frames))
            take_end_of_kernel();
        if (state.phase == ENDING && all_delivered())
            state.phase = ENDED;
    }
}

int session_run(const struct session_options *options, struct outcome *outcome, struct olos_error *error)
{
    state.options = options;
    state.error = error;
    if (start(options))
        return -1;
    serve_until_end();
    guard_end(&state.guard);
    terminal_restore(options->terminal);
    *outcome = state.outcome;
    return state.failed ? -1 : 0;
}

_Noreturn void session_exit(const struct outcome *outcome)
{
    struct rlimit none = {0, 0};
    sigset_t set;
    if (!outcome->by_signal)
        _exit(outcome->code);
    setrlimit(RLIMIT_CORE, &none);
    signal(outcome->code, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, outcome->code);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(outcome->code);
    _exit(128 + outcome->code); /* as process 1 of a container nothing kills us */
}
