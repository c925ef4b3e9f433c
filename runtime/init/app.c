#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "limits.h"
#include "search.h"
#include "system.h"
#include "tee_syscalls.h"
#include "trace.h"

#define CAPABILITY(name) (UINT64_C(1) << CAP_##name)

/* What container engines leave to root. Notably absent: SYS_ADMIN, which could mount the host's files into a
   User-Mode Linux, and SYS_BOOT, SYS_MODULE, SYS_RAWIO, which reach the kernel itself. */
static const uint64_t kept_capabilities =
    CAPABILITY(CHOWN) | CAPABILITY(DAC_OVERRIDE) | CAPABILITY(FSETID) | CAPABILITY(FOWNER) | CAPABILITY(MKNOD) |
    CAPABILITY(NET_RAW) | CAPABILITY(SETGID) | CAPABILITY(SETUID) | CAPABILITY(SETFCAP) | CAPABILITY(SETPCAP) |
    CAPABILITY(NET_BIND_SERVICE) | CAPABILITY(SYS_CHROOT) | CAPABILITY(KILL) | CAPABILITY(AUDIT_WRITE);

/* What a failed start tells init through a pipe: which step, and errno. */
struct failure {
    enum step { STEP_STREAMS, STEP_LIMITS, STEP_TEE, STEP_DIRECTORY, STEP_USER, STEP_CAPABILITIES, STEP_EXECUTE } step;
    int code;
};

static int set_streams(const struct command *command, const struct streams *streams)
{
    if (setsid() < 0 || (command->tty && ioctl(streams->app[0], TIOCSCTTY, 0)))
        return -1;
    for (int i = 0; i < 3; i++)
        if (dup2(streams->app[i], i) < 0)
            return -1;
    return 0;
}

static int set_limits(const struct command *command)
{
    return write(command->devices, "0", 1) == 1 && limits_set(command->policy) == 0 ? 0 : -1;
}

static int drop_bounding_set(void)
{
    for (unsigned capability = 0; capability < 64; capability++)
        if (!(kept_capabilities >> capability & 1) && prctl(PR_CAPBSET_DROP, capability) && errno != EINVAL)
            return -1;
    return 0;
}

static int set_user(const struct olos_app *app)
{
    return drop_bounding_set() || setgroups(app->group_count, app->groups) ||
                   setresgid(app->gid, app->gid, app->gid) || setresuid(app->uid, app->uid, app->uid)
               ? -1
               : 0;
}

/* Of another user than root, setresuid has taken all of them. */
static int set_capabilities(const struct olos_app *app)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (app->uid == 0)
        for (int i = 0; i < 2; i++)
            data[i].effective = data[i].permitted = (uint32_t)(kept_capabilities >> 32 * i);
    return (int)syscall(SYS_capset, &header, data);
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* refused for some, which have it anyway */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static enum step prepare(const struct command *command, const struct streams *streams, int tee)
{
    reset_signals();
    if (set_streams(command, streams))
        return STEP_STREAMS;
    if (tee_syscalls_offer(tee)) /* which takes a descriptor, so it comes before the limits */
        return STEP_TEE;
    if (set_limits(command))
        return STEP_LIMITS;
    if (set_user(command->app))
        return STEP_USER;
    if (chdir(command->app->cwd))
        return STEP_DIRECTORY;
    if (set_capabilities(command->app))
        return STEP_CAPABILITIES;
    return STEP_EXECUTE;
}

/* The ends of the child. */
struct ends {
    int gate, report, tee;
};

static _Noreturn void become_app(const struct command *command, const struct streams *streams,
                                 const struct ends *ends)
{
    char byte;
    if (ends->gate >= 0 && read(ends->gate, &byte, 1) != 1)
        _exit(APP_CANNOT_EXECUTE); /* it cannot be traced */
    struct failure failure = {.step = prepare(command, streams, ends->tee)};
    if (failure.step == STEP_EXECUTE) {
        search_execute(command->args, command->env);
    }
    failure.code = errno;
    (void)!write(ends->report, &failure, sizeof failure);
    _exit(APP_CANNOT_EXECUTE);
}

static int explain(const struct command *command, const struct failure *failure, struct olos_error *error)
{
    const char *reason = strerror(failure->code);
    switch (failure->step) {
    case STEP_EXECUTE:
        if (failure->code == ENOENT || failure->code == ENOTDIR)
            return olos_fail(error, (enum olos_exit)APP_NOT_FOUND, "%s: %s", command->args[0],
                             strchr(command->args[0], '/') ? reason : "not found in PATH of the app");
        return olos_fail(error, (enum olos_exit)APP_CANNOT_EXECUTE, "%s: cannot be executed: %s",
                         command->args[0], reason);
    case STEP_DIRECTORY:
        return olos_fail(error, (enum olos_exit)APP_CANNOT_EXECUTE, "app.cwd: %s cannot be entered: %s",
                         command->app->cwd, reason);
    case STEP_STREAMS:
        return olos_fail(error, OLOS_FAILED, "init: the streams cannot be set: %s", reason);
    case STEP_LIMITS:
        return olos_fail(error, OLOS_FAILED, "policy.rlimits: the limits cannot be set: %s", reason);
    case STEP_TEE:
        return olos_fail(error, OLOS_FAILED, "init: the system calls of the TEE cannot be set up: %s", reason);
    case STEP_USER:
        return olos_fail(error, OLOS_FAILED, "app.user cannot be set: %s", reason);
    case STEP_CAPABILITIES:
        break;
    }
    return olos_fail(error, OLOS_FAILED, "init: capabilities cannot be set: %s", reason);
}

/* Wait until the child is the app (the pipe closes at exec) or has failed. */
static pid_t await_start(const struct command *command, pid_t child, int report, struct olos_error *error)
{
    struct failure failure;
    ssize_t count = read_full(report, &failure, sizeof failure);
    close(report);
    if (count == 0)
        return child;
    waitpid(child, NULL, 0);
    if (count != sizeof failure)
        return olos_fail(error, OLOS_FAILED, "init: the app has ended before it began");
    return explain(command, &failure, error);
}

pid_t app_start(const struct command *command, struct streams *streams, struct olos_error *error)
{
    int report[2], gate[2] = {-1, -1}, tee[2];
    /* Engines make a working directory that is missing; what else is wrong with it, chdir says. */
    make_directories(command->app->cwd);
    if (pipe2(report, O_CLOEXEC) || (command->trace && pipe2(gate, O_CLOEXEC)) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tee))
        return olos_fail(error, OLOS_FAILED, "init: no pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0)
        return olos_fail(error, OLOS_FAILED, "init: cannot fork: %s", strerror(errno));
    if (child == 0) {
        close(gate[1]);
        become_app(command, streams, &(struct ends){gate[0], report[1], tee[1]});
    }
    if (command->trace && trace_start(child, gate[1], command->trace, error))
        return -1;
    close(gate[0]);
    close(gate[1]);
    close(report[1]);
    close(tee[1]);
    close(command->devices);
    for (int i = 0; i < 3; i++)
        if (i == 0 || streams->app[i] != streams->app[i - 1])
            close(streams->app[i]);
    child = await_start(command, child, report[0], error);
    if (child >= 0 && tee_syscalls_serve(tee[0], error))
        child = -1;
    close(tee[0]);
    return child;
}
