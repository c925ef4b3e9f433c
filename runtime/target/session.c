#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "caller_input.h"
#include "confine.h"
#include "debug.h"
#include "grace.h"
#include "lines.h"
#include "tee_channel.h"

#define BOOT_SECONDS 120
#define BOOT_PAUSE_MS 1000

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

enum phase { BOOTING, RUNNING, ENDING, ENDED };

static struct {
    const struct session_options *options;
    enum phase phase;
    struct guard guard;
    struct mount_process mounts;
    struct frames frames;
    struct outlet outlets[2];
    struct log log;
    int signals;
    int questions; /* of the kernel's system call filter, or -1 */
    bool supplies;
    bool confined;
    bool init_ready, network_ready;
    struct caller_input input;
    struct tee_channel tee;
    struct grace grace;
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

static void catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&set, forwarded[i]);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    state.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (state.signals < 0)
        die(OLOS_FAILED, "no signalfd: %s", strerror(errno));
}

/* Children that we have not started: of the program in whose place we are, or orphans if we are process 1. */
static void reap_others(void)
{
    for (;;) {
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) || !ended.si_pid ||
            ended.si_pid == state.guard.pid || ended.si_pid == state.mounts.pid)
            return;
        waitpid(ended.si_pid, NULL, 0);
    }
}

static int start(const struct session_options *options)
{
    struct kernel kernel = {.boot = options->boot, .memory = options->manifest->policy.memory};
    if (access("/dev/null", R_OK | W_OK))
        return olos_fail(state.error, OLOS_FAILED, "/dev/null cannot be used: %s\n  hint: the host must have it",
                         strerror(errno));
    memory_find_directory(kernel.memory_directory, kernel.memory);
    struct lines lines;
    lines_open(&lines, &kernel.lines, options->mounts->count > 0);
    if (mount_process_start(&state.mounts, options->mounts, &options->manifest->app, &lines, state.error))
        return -1;
    state.frames.line = lines.control;
    state.log.line = lines.log;
    caller_input_open(&state.input, lines.slots);
    state.tee = (struct tee_channel){
        .requests = lines.tee_requests, .answers = lines.tee_answers, .slot = lines.tee_slot};
    outlet_open(&state.outlets[0], lines.stdout_line, STDOUT_FILENO);
    outlet_open(&state.outlets[1], lines.stderr_line, STDERR_FILENO);
    state.log.show = options->manifest->policy.debug;
    catch_signals();
    kernel.lines.frames = options->network->kernel;
    state.network_ready = !options->network->used;
    if (guard_start(&state.guard, &kernel, options->network, options->terminal, state.error))
        return -1;
    reap_others(); /* who ended before the signal was blocked */
    if (options->gdb)
        debug_tell_of_gdb(state.guard.pid);
    lines_close_kernels(&kernel.lines);
    network_leave(options->network);
    state.questions = confine_receive(lines.channel);
    close(lines.channel);
    state.supplies = confine_can_supply(state.questions);
    if (!state.supplies && !*kernel.memory_directory)
        return memory_fail(kernel.memory, state.error);
    return 0;
}

/* ---- from the caller ---- */

static void take_signal(const struct signalfd_siginfo *information)
{
    int number = (int)information->ssi_signo;
    if (number == SIGCHLD)
        reap_others();
    else if (number == SIGCONT) {
        if (state.phase == RUNNING) /* whoever stopped us has changed the terminal */
            terminal_make_raw(state.options->terminal);
    } else if (number == SIGWINCH)
        state.frames.window_size = state.options->terminal->used;
    else if (state.phase == BOOTING) {
        state.outcome = (struct outcome){.by_signal = true, .code = number};
        state.phase = ENDED;
    } else {
        if (number == SIGTERM)
            grace_begin(&state.grace);
        frames_add_signal(&state.frames, number == SIGTERM ? state.options->manifest->app.stop_signal : number,
                          information->ssi_code == SI_KERNEL); /* a key of the terminal */
    }
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
    if (frame->c <= CONTROL_MESSAGE && read_full(state.frames.line, text, frame->c) == (ssize_t)frame->c) {
        fail(text);
        state.error->code = (enum olos_exit)frame->a;
    } else
        fail("init has failed");
}

static void take_log(const struct control_frame *frame)
{
    if (state.options->manifest->policy.log_level == OLOS_LOG_ERROR || log_pass(state.frames.line, frame->c))
        fail("init has sent a wrong line of its log");
}

static void take_exit(const struct control_frame *frame)
{
    if (frame->a && (frame->c == 0 || frame->c >= NSIG)) {
        fail("init has sent a wrong exit status");
        return;
    }
    state.outcome = (struct outcome){
        .by_signal = frame->a == 1, .code = (int)(frame->c & 0xff), .victims = frame->b};
    state.output_expected = frame->d;
    state.phase = ENDING;
    state.input.open = false;
}

static void take_start(void)
{
    /* A kernel that never says it is ready would keep what it may do while it boots. */
    if (!state.confined || state.phase != BOOTING) {
        fail("init has started the app out of turn");
        return;
    }
    state.phase = RUNNING;
    state.input.open = true;
    state.frames.window_size = state.options->terminal->used; /* it may have changed meanwhile */
    terminal_make_raw(state.options->terminal);
}

static void take_frame(const struct control_frame *frame)
{
    switch (frame->kind) {
    case CONTROL_HELLO:
    case CONTROL_DONE:
        break;
    case CONTROL_READY:
        state.confined = true;
        state.init_ready = true;
        state.frames.go = state.network_ready;
        break;
    case CONTROL_STARTED:
        take_start();
        break;
    case CONTROL_TAKEN:
        caller_input_taken(&state.input, frame);
        break;
    case CONTROL_CONSUMED:
        caller_input_settle(&state.input, frame->d);
        break;
    case CONTROL_LOG:
        take_log(frame);
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

/* What the kernel has said up to now. */
static void drain_log(void)
{
    while (poll(&(struct pollfd){.fd = state.log.line, .events = POLLIN}, 1, 0) > 0 && log_read(&state.log))
        ;
}

static void take_end_of_kernel(void)
{
    if (state.phase == ENDED)
        return;
    drain_log();
    if (state.phase < ENDING) {
        fail(state.phase == BOOTING ? "the kernel has ended before the app\n"
                                      "  hint: the option --olos-doctor checks what this host offers"
                                    : "the kernel has ended before the app");
        log_show_tail(&state.log);
    }
    state.phase = ENDED;
}

/* Without it everybody who uses a mount would wait for ever. */
static void take_end_of_mounts(void)
{
    char byte;
    if (read(state.mounts.life, &byte, 1) == 0 && state.phase < ENDING)
        fail("the server of the host mounts has ended");
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
    int refused = events & POLLIN ? confine_answer(state.questions, !state.confined, state.supplies) : -1;
    if (refused >= 0 && state.log.show)
        dprintf(STDERR_FILENO, "olos: host system call %d is refused\n", refused);
    if (events & POLLHUP) {
        close(state.questions);
        state.questions = -1;
    }
}

static void read_network_report(void)
{
    if (state.phase == ENDED)
        return;
    if (network_read_report(state.options->network, state.error)) {
        state.failed = true;
        state.phase = ENDED;
        return;
    }
    state.network_ready = true;
    state.frames.go = state.init_ready;
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
    struct pollfd waits[] = {
        {.fd = state.frames.line, .events = POLLIN},
        outlet_wait(&state.outlets[0]),
        outlet_wait(&state.outlets[1]),
        {.fd = state.signals, .events = POLLIN},
        caller_input_wait(&state.input),
        {.fd = state.log.line, .events = POLLIN},
        {.fd = state.guard.report, .events = POLLIN},
        {.fd = state.questions, .events = POLLIN},
        {.fd = state.phase < ENDING ? state.mounts.life : -1, .events = POLLIN},
        {.fd = state.options->network->report, .events = POLLIN},
        {.fd = state.tee.requests, .events = POLLIN},
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
        caller_input_read(&state.input, &state.frames);
    if (waits[5].revents && !log_read(&state.log)) {
        close(state.log.line);
        state.log.line = -1;
    }
    if (waits[6].revents)
        take_end_of_kernel();
    if (waits[7].revents)
        answer_kernel(waits[7].revents);
    if (waits[8].revents)
        take_end_of_mounts();
    if (waits[9].revents)
        read_network_report();
    if (waits[10].revents && tee_channel_serve(&state.tee) && state.phase != ENDED)
        fail("init has sent a wrong request of the TEE");
}

/* What init does not do in time happens by the end of the kernel. */
static void end_grace(void)
{
    if (state.grace.step == GRACE_KILLED)
        frames_add_signal(&state.frames, SIGKILL, false);
    else {
        if (state.phase == RUNNING)
            state.outcome = (struct outcome){.by_signal = true, .code = SIGKILL};
        state.phase = ENDED;
    }
}

/* In ms, or -1. */
static int pause_of_loop(void)
{
    int input = caller_input_pause(&state.input), grace = grace_pause(&state.grace);
    if (state.phase == BOOTING)
        return BOOT_PAUSE_MS;
    return input < 0 || (grace >= 0 && grace < input) ? grace : input;
}

static void serve_until_end(void)
{
    time_t begin = time(NULL);
    while (state.phase != ENDED) {
        serve(pause_of_loop());
        if (state.phase == BOOTING && time(NULL) - begin > BOOT_SECONDS) {
            fail("the kernel does not start");
            log_show_tail(&state.log);
        }
        if (state.phase != ENDED && grace_has_ended(&state.grace))
            end_grace();
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
    state.grace.seconds = options->stop_seconds;
    if (start(options))
        return -1;
    serve_until_end();
    drain_log();
    guard_end(&state.guard);
    mount_process_end(&state.mounts);
    terminal_restore(options->terminal);
    outcome_explain(&state.outcome, &state.grace, options->manifest->policy.memory);
    *outcome = state.outcome;
    return state.failed ? -1 : 0;
}
