#include "limits.h"

#include <sys/resource.h>

_Static_assert(OLOS_UNLIMITED == RLIM_INFINITY, "the policy's word for no limit is the kernel's");

static const struct olos_rlimit usual[] = {
    {RLIMIT_NOFILE, 1024, 1048576},
    {RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_CORE, 0, RLIM_INFINITY},
    {RLIMIT_MEMLOCK, 8 << 20, 8 << 20},
    {RLIMIT_SIGPENDING, RLIM_INFINITY, RLIM_INFINITY},
};

static int set_all(const struct olos_rlimit *limits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rlimit limit = {limits[i].soft, limits[i].hard};
        if (setrlimit(limits[i].resource, &limit))
            return -1;
    }
    return 0;
}

int limits_set(const struct olos_policy *policy)
{
    return set_all(usual, sizeof usual / sizeof *usual) || set_all(policy->rlimits, policy->rlimit_count) ? -1 : 0;
}
