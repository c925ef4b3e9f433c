#include "host_limits.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>

#include "cgroup.h"

#define MIB (UINT64_C(1) << 20)
#define LEAST_FILES 64
#define LEAST_PROCESSES 7
#define LEAST_ADDRESSES (16 * MIB) /* and the memory of the app */

struct need {
    const char *what, *cure;
    uint64_t least, unit;
};

static int compare(const struct need *need, uint64_t allowed, struct olos_error *error)
{
    const char *unit = need->unit == MIB ? " MiB" : "";
    if (allowed >= need->least)
        return 0;
    return olos_fail(error, OLOS_FAILED,
                     "%s limited to %" PRIu64 "%s; %" PRIu64 "%s are needed\n  hint: %s",
                     need->what, allowed / need->unit, unit, need->least / need->unit, unit, need->cure);
}

static int raise_limit(int resource, const struct need *need, struct olos_error *error)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit))
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(resource, &limit); /* up to there it is always allowed */
    return compare(need, limit.rlim_max, error);
}

int limits_prepare(uint64_t memory, struct olos_error *error)
{
    const struct need files = {"open files are", "ulimit -n 1024", LEAST_FILES, 1},
                      file_size = {"the size of a file is", "ulimit -f unlimited", memory, MIB},
                      addresses = {"the address space is", "ulimit -v unlimited", memory + LEAST_ADDRESSES, MIB},
                      processes = {"processes of this user are", "ulimit -u unlimited", LEAST_PROCESSES, 1},
                      group_memory = {"the memory of this container is", "raise it (docker run --memory)",
                                      LIMITS_OWN_MEMORY, MIB},
                      group_processes = {"more processes of this container are", "raise it (docker run --pids-limit)",
                                         LEAST_PROCESSES, 1};
    signal(SIGXFSZ, SIG_IGN);
    return raise_limit(RLIMIT_NOFILE, &files, error) || raise_limit(RLIMIT_FSIZE, &file_size, error) ||
                   raise_limit(RLIMIT_AS, &addresses, error) || raise_limit(RLIMIT_NPROC, &processes, error) ||
                   compare(&group_memory, cgroup_memory(), error) ||
                   compare(&group_processes, cgroup_processes(), error)
               ? -1
               : 0;
}
