#include "helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Documentation/admin-guide/sysctl/kernel.rst. A kernel that lacks one has no such programs. */
static const char *const paths[] = {"/proc/sys/kernel/hotplug", "/proc/sys/kernel/modprobe"};

static int clear(const char *path)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t count = write(file, "\n", 1);
    close(file);
    return count == 1 ? 0 : -1;
}

int helpers_disable(struct olos_error *error)
{
    if ((mkdir("/proc", 0555) && errno != EEXIST) || mount("proc", "/proc", "proc", 0, NULL))
        return olos_fail(error, OLOS_FAILED, "init: /proc cannot be mounted: %s", strerror(errno));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (clear(paths[i]))
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be set: %s", paths[i], strerror(errno));
    return umount2("/proc", MNT_DETACH);
}
