#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "log.h"
#include "mounts.h"
#include "network.h"
#include "protect.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct mount_point {
    const char *type, *target, *options;
    unsigned long flags;
};

/* Open Container Initiative runtime specification, "Default Filesystems". */
static const struct mount_point mounts[] = {
    {"proc", "/proc", "", PRIVATE},
    {"tmpfs", "/dev", "mode=0755,size=64k", MS_NOSUID | MS_NOEXEC | MS_STRICTATIME},
    {"devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
    {"tmpfs", "/dev/shm", "mode=1777", PRIVATE},
    {"mqueue", "/dev/mqueue", "", PRIVATE},
    {"sysfs", "/sys", "", PRIVATE | MS_RDONLY},
};

static const struct {
    const char *path;
    unsigned major, minor;
} nodes[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

static const struct {
    const char *path, *target;
} links[] = {
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/core", "/proc/kcore"},       {"/dev/ptmx", "pts/ptmx"},
};

/* As container engines allow: any node may be made, these may be opened. */
static const char *const device_rules[] = {
    "c *:* m", "b *:* m",   "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm",
    "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm",
};

int make_directories(const char *path)
{
    char part[4096];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) && errno != EEXIST)
            return -errno;
    }
    return 0;
}

static int mount_standard(struct olos_error *error)
{
    for (size_t i = 0; i < COUNT(mounts); i++) {
        const struct mount_point *m = &mounts[i];
        mkdir(m->target, 0755); /* mount says what is wrong */
        if (mount(m->type, m->target, m->type, m->flags, m->options))
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be mounted: %s", m->target, strerror(errno));
        log_debug("mounted %s", m->target);
    }
    return 0;
}

static int mount_memory(const struct olos_mount *m, struct olos_error *error)
{
    char options[64];
    int length = snprintf(options, sizeof options, "mode=1777");
    if (m->size)
        snprintf(options + length, sizeof options - (size_t)length, ",size=%" PRIu64, m->size);
    if (mount("tmpfs", m->target, "tmpfs", MS_NOSUID | MS_NODEV, options))
        return olos_fail(error, OLOS_FAILED, "policy.mounts: %s cannot be mounted: %s", m->target, strerror(errno));
    return 0;
}

static int mount_policy(const struct olos_policy *policy, struct olos_error *error)
{
    for (size_t i = 0; i < policy->mount_count; i++) {
        const struct olos_mount *m = &policy->mounts[i];
        int code = make_directories(m->target);
        if (code)
            return olos_fail(error, OLOS_FAILED, "policy.mounts: %s cannot be made: %s", m->target,
                             strerror(-code));
        if (m->type == OLOS_MOUNT_HOST ? mounts_add(m, error) : mount_memory(m, error))
            return -1;
        log_info("mounted %s: %s%s", m->target, m->type == OLOS_MOUNT_HOST ? "host" : "tmpfs",
                 m->read_only ? ", read-only" : "");
    }
    return 0;
}

static int make_devices(struct olos_error *error)
{
    for (size_t i = 0; i < COUNT(nodes); i++)
        if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) ||
            chmod(nodes[i].path, 0666))
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be made: %s", nodes[i].path, strerror(errno));
    for (size_t i = 0; i < COUNT(links); i++)
        if (symlink(links[i].target, links[i].path))
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be made: %s", links[i].path, strerror(errno));
    return 0;
}

/* A group of the devices controller, by a mount that goes away again: the file stays open. */
static int limit_devices(int *group, struct olos_error *error)
{
    static const char rule_file[] = "/dev/shm/app/devices.allow";
    if (mount("cgroup", "/dev/shm", "cgroup", PRIVATE, "devices") || mkdir("/dev/shm/app", 0700) ||
        write_setting("/dev/shm/app/devices.deny", "a"))
        return olos_fail(error, OLOS_FAILED, "init: devices cannot be limited: %s", strerror(errno));
    for (size_t i = 0; i < COUNT(device_rules); i++)
        if (write_setting(rule_file, device_rules[i]))
            return olos_fail(error, OLOS_FAILED, "init: device rule %s is refused", device_rules[i]);
    *group = open("/dev/shm/app/tasks", O_WRONLY | O_CLOEXEC);
    if (*group < 0 || umount2("/dev/shm", MNT_DETACH))
        return olos_fail(error, OLOS_FAILED, "init: devices cannot be limited: %s", strerror(errno));
    return 0;
}

static int bring_loopback_up(struct olos_error *error)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || ioctl(s, SIOCSIFFLAGS, &request))
        return olos_fail(error, OLOS_FAILED, "init: the loopback interface is not there: %s", strerror(errno));
    close(s);
    return 0;
}

int system_set_up(const struct olos_manifest *manifest, int *devices, struct olos_error *error)
{
    const char *hostname = manifest->app.hostname;
    if (sethostname(hostname, strlen(hostname)))
        return olos_fail(error, OLOS_FAILED, "init: app.hostname cannot be set: %s", strerror(errno));
    if (mount_standard(error) || make_devices(error) || limit_devices(devices, error) ||
        bring_loopback_up(error) || network_set_up(&manifest->policy, error) || protect_kernel(error))
        return -1;
    return mount_policy(&manifest->policy, error);
}

int system_seal(const struct olos_policy *policy, struct olos_error *error)
{
    for (size_t i = 0; i < policy->mount_count; i++) {
        const struct olos_mount *m = &policy->mounts[i];
        unsigned long flags = MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV;
        if (m->read_only && m->type == OLOS_MOUNT_TMPFS && mount(NULL, m->target, NULL, flags, NULL))
            return olos_fail(error, OLOS_FAILED, "policy.mounts: %s cannot be made read-only: %s", m->target,
                             strerror(errno));
    }
    return 0;
}
