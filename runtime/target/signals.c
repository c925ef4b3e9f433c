#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

void signals_catch(struct session *session)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&set, forwarded[i]);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (session->signals < 0)
        die(OLOS_FAILED, "no signalfd: %s", strerror(errno));
}

void signals_reap_others(const struct session *session)
{
    for (;;) {
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) || !ended.si_pid ||
            ended.si_pid == session->guard.pid || ended.si_pid == session->mounts.pid)
            return;
        waitpid(ended.si_pid, NULL, 0);
    }
}

static void take_signal(struct session *session, const struct signalfd_siginfo *information)
{
    int number = (int)information->ssi_signo;
    if (number == SIGCHLD)
        signals_reap_others(session);
    else if (number == SIGCONT) {
        if (session->phase == RUNNING) /* whoever stopped us has changed the terminal */
            terminal_make_raw(session->options->terminal);
    } else if (number == SIGWINCH)
        session->frames.window_size = session->options->terminal->used;
    else if (session->phase == BOOTING) {
        session->outcome = (struct outcome){.by_signal = true, .code = number};
        session->phase = ENDED;
    } else {
        if (number == SIGTERM)
            grace_begin(&session->grace);
        frames_add_signal(&session->frames, number == SIGTERM ? session->options->manifest->app.stop_signal : number,
                          information->ssi_code == SI_KERNEL); /* a key of the terminal */
    }
}

void signals_read(struct session *session)
{
    struct signalfd_siginfo information;
    while (read(session->signals, &information, sizeof information) == sizeof information)
        take_signal(session, &information);
}
