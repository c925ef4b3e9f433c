#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "trace_line.h"

#define OPTIONS                                                                                              \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |                \
     PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* A thread that is followed. */
struct followed {
    struct followed *next;
    pid_t id;
    bool inside; /* of a call; the next stop is its end */
    bool shown;
    struct trace_call call;
};

static struct {
    const struct trace_filter *filter;
    struct followed *all;
    bool started; /* the app is in its place; until then it is init that calls */
} state;

static struct followed *find(pid_t id)
{
    for (struct followed *f = state.all; f; f = f->next)
        if (f->id == id)
            return f;
    struct followed *f = allocate(1, sizeof *f);
    f->id = id;
    f->next = state.all;
    state.all = f;
    return f;
}

static void forget(pid_t id)
{
    for (struct followed **at = &state.all; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            struct followed *gone = *at;
            *at = gone->next;
            free(gone);
            return;
        }
}

/* A thread that starts another program becomes the first of its process, and has its number from then on. */
static void take_over(pid_t id)
{
    unsigned long former = 0;
    if (ptrace(PTRACE_GETEVENTMSG, id, NULL, &former) == 0 && former != (unsigned long)id) {
        forget(id);
        find((pid_t)former)->id = id;
    }
    find(id)->inside = true; /* of execve, though nobody has seen the app's first one begin */
    state.started = true;
}

/* ---- stops ---- */

static void enter(struct followed *f, const struct user_regs_struct *registers)
{
    f->call.number = registers->orig_rax;
    f->shown = trace_filter_shows(state.filter, f->call.number);
    if (!f->shown)
        return;
    const uint64_t arguments[] = {registers->rdi, registers->rsi, registers->rdx,
                                  registers->r10, registers->r8,  registers->r9};
    memcpy(f->call.arguments, arguments, sizeof arguments);
    trace_line_begin(&f->call, f->id);
}

static void leave(struct followed *f, const struct user_regs_struct *registers)
{
    int64_t result = (int64_t)registers->rax;
    if (f->shown && state.started && (!state.filter->failed || (result < 0 && result >= -4095)))
        trace_line_end(&f->call, f->id, result);
    f->shown = false;
}

static void stop_at_call(struct followed *f)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, f->id, NULL, &registers))
        return; /* it has been killed meanwhile */
    if (f->inside)
        leave(f, &registers);
    else
        enter(f, &registers);
    f->inside = !f->inside;
}

static void stop_at_exit(struct followed *f)
{
    unsigned long status = 0;
    ptrace(PTRACE_GETEVENTMSG, f->id, NULL, &status);
    if (f->inside && f->shown && !state.filter->failed)
        trace_line_end_unknown(&f->call, f->id);
    f->shown = false;
    if (state.started)
        trace_line_exit(f->id, (int)status);
    trace_line_flush(); /* once the app is gone, nobody waits for us */
}

static bool is_group_stop(int number)
{
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static void go_on(pid_t id, int status)
{
    int number = WSTOPSIG(status), event = status >> 16;
    int request = PTRACE_SYSCALL;
    if (event == PTRACE_EVENT_STOP && is_group_stop(number))
        request = PTRACE_LISTEN;
    bool delivered = !event && number != SYSCALL_STOP;
    if (delivered && state.started && !state.filter->failed)
        trace_line_signal(id, number);
    ptrace(request, id, NULL, (void *)(uintptr_t)(delivered ? number : 0)); /* fails if it was killed meanwhile */
}

static void take_stop(pid_t id, int status)
{
    int event = status >> 16;
    if (!event && WSTOPSIG(status) == SYSCALL_STOP)
        stop_at_call(find(id));
    else if (event == PTRACE_EVENT_EXEC)
        take_over(id);
    else if (event == PTRACE_EVENT_EXIT)
        stop_at_exit(find(id));
    go_on(id, status);
}

static void follow(void)
{
    pid_t id;
    int status;
    while ((id = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (id > 0 && WIFSTOPPED(status))
            take_stop(id, status);
        else if (id > 0)
            forget(id);
    }
}

/* ---- start ---- */

static _Noreturn void tracer_run(pid_t process, int gate, const struct trace_filter *filter)
{
    struct termios settings;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "olos-trace");
    state.filter = filter;
    if (tcgetattr(STDOUT_FILENO, &settings) == 0) {
        cfmakeraw(&settings);
        tcsetattr(STDOUT_FILENO, TCSANOW, &settings);
    }
    /* Nothing of init's stays open, so that the app's streams end when they end. */
    if (dup2(gate, STDIN_FILENO) != STDIN_FILENO || syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) ||
        ptrace(PTRACE_SEIZE, process, NULL, (void *)OPTIONS))
        _exit(1);
    (void)!write(STDIN_FILENO, "", 1);
    close(STDIN_FILENO);
    follow();
    _exit(0);
}

int trace_start(pid_t process, int gate, const struct trace_filter *filter, struct olos_error *error)
{
    pid_t tracer = fork();
    if (tracer < 0)
        return olos_fail(error, OLOS_FAILED, "init: cannot fork: %s", strerror(errno));
    if (tracer == 0)
        tracer_run(process, gate, filter);
    return 0;
}
