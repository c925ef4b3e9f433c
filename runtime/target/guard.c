#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespaces.h"
#include "watch.h"

/* What the guard tells first: the process group, or errno negated. */
typedef int32_t announcement;

static void block_all_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static _Noreturn void become_kernel(const struct kernel *kernel, pid_t guard)
{
    setpgid(0, 0);
    namespaces_leave();
    /* The guard could be gone already: then no signal will come. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == guard)
        kernel_execute(kernel);
    dprintf(kernel->lines.log, "the kernel cannot be started: %s\n", strerror(errno));
    _exit(OLOS_FAILED);
}

/* The caller's streams must not stay open because of us. */
static void leave_streams(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (nothing < 0 || dup2(nothing, fd) < 0)
            close(fd);
}

/* Until the target is gone or wants the end, or the kernel has ended or cannot go on. */
static void await_end(pid_t kernel, int life, int log)
{
    int status = 0;
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    int ended = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd waits[] = {{.fd = life, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
    struct signalfd_siginfo information;
    struct watch watch = {0};
    while (waitpid(kernel, &status, WNOHANG) == 0) {
        int ready = poll(waits, 2, WATCH_PAUSE_MS);
        if (waits[0].revents || (ready == 0 && watch_finds_dead(&watch)))
            break;
        while (read(ended, &information, sizeof information) > 0)
            ;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        dprintf(log, "a system call filter of the host has ended the kernel: it must refuse calls and not kill\n");
}

static _Noreturn void guard_run(const struct kernel *kernel, const struct network *network,
                                const struct terminal *terminal, int life, int report)
{
    pid_t self = getpid();
    announcement group;
    prctl(PR_SET_NAME, "olos-guard");
    leave_streams();
    setsid(); /* signals of the terminal are the target's business */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    block_all_signals();
    group = fork();
    if (group == 0)
        become_kernel(kernel, self);
    if (group < 0)
        group = -errno;
    (void)!write(report, &group, sizeof group);
    if (group > 0) {
        setpgid(group, group);
        network_start(network, group);
        await_end(group, life, kernel->lines.log);
        kill(-group, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0)
            ;
    }
    terminal_restore(terminal);
    _exit(0);
}

static pid_t fork_guard(bool *apart)
{
    pid_t pid = -1;
    for (int way = 0; pid < 0 && way < NAMESPACE_WAYS; way++) {
        pid = namespaces_fork(way);
        *apart = namespaces_apart(way);
    }
    return pid;
}

int guard_start(struct guard *guard, const struct kernel *kernel, const struct network *network,
                const struct terminal *terminal, struct olos_error *error)
{
    int life[2], report[2];
    announcement group = 0;
    if (pipe2(life, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
        return olos_fail(error, OLOS_FAILED, "no pipe: %s", strerror(errno));
    guard->pid = fork_guard(&guard->apart);
    if (guard->pid < 0)
        return olos_fail(error, OLOS_FAILED, "cannot fork: %s", strerror(errno));
    if (guard->pid == 0) {
        close(life[1]);
        close(report[0]);
        guard_run(kernel, network, terminal, life[0], report[1]);
    }
    close(life[0]);
    close(report[1]);
    guard->life = life[1];
    guard->report = report[0];
    if (read_full(report[0], &group, sizeof group) != sizeof group || group <= 0)
        return olos_fail(error, OLOS_FAILED, "the kernel cannot be started: %s",
                         strerror(group ? -group : EIO));
    guard->kernel = group;
    return 0;
}

void guard_end(struct guard *guard)
{
    close(guard->life);
    waitpid(guard->pid, NULL, 0);
    /* Of use only if somebody has killed the guard; the end of its namespace has ended the rest. */
    if (!guard->apart)
        kill(-guard->kernel, SIGKILL);
}
