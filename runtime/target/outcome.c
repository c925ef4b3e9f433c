#include "outcome.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB_SHIFT 20

void outcome_explain(const struct outcome *outcome, const struct grace *grace, uint64_t memory)
{
    unsigned long long size = memory >> MIB_SHIFT;
    bool killed = outcome->by_signal && outcome->code == SIGKILL;
    if (killed && grace->step >= GRACE_KILLED)
        dprintf(STDERR_FILENO, "olos: the app was ended: it was asked to stop and still ran after %d s\n",
                grace->seconds);
    else if (killed && outcome->victims)
        dprintf(STDERR_FILENO, "olos: the app was ended: out of memory (policy.memory = %llu MiB)\n", size);
    else if (outcome->victims)
        dprintf(STDERR_FILENO,
                "olos: out of memory: %u of the app's processes %s ended (policy.memory = %llu MiB)\n",
                outcome->victims, outcome->victims == 1 ? "was" : "were", size);
}

_Noreturn void outcome_exit(const struct outcome *outcome)
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
