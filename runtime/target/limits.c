#include "limits.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>

#define MIB (UINT64_C(1) << 20)

static const struct {
    int resource;
    const char *what, *cure;
    uint64_t least;
    bool and_memory; /* besides the memory of the app */
    uint64_t unit;
    const char *unit_name;
} needs[] = {
    {RLIMIT_NOFILE, "open files", "ulimit -n 1024", 64, false, 1, ""},
    {RLIMIT_FSIZE, "the size of files", "ulimit -f unlimited", 0, true, MIB, " MiB"},
    {RLIMIT_AS, "the address space", "ulimit -v unlimited", 16 * MIB, true, MIB, " MiB"},
    {RLIMIT_NPROC, "processes of this user", "ulimit -u unlimited", 8, false, 1, ""},
};

int limits_prepare(uint64_t memory, struct olos_error *error)
{
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        struct rlimit limit;
        uint64_t least = needs[i].least + (needs[i].and_memory ? memory : 0);
        if (getrlimit(needs[i].resource, &limit))
            continue;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(needs[i].resource, &limit); /* lowering no limit, it is always allowed */
        if (limit.rlim_max < least)
            return olos_fail(error, OLOS_FAILED,
                             "the limit for %s is %" PRIu64 "%s; it takes at least %" PRIu64 "%s\n"
                             "  hint: %s, before the start",
                             needs[i].what, (uint64_t)limit.rlim_max / needs[i].unit, needs[i].unit_name,
                             least / needs[i].unit, needs[i].unit_name, needs[i].cure);
    }
    return 0;
}
