#include "protect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Written before /proc is made read-only. Those that a kernel lacks are left out. */
static const struct {
    const char *path, *value;
} settings[] = {
    {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"},
    {"/proc/sys/net/ipv4/ping_group_range", "0 2147483647"},
    {"/proc/sys/kernel/dmesg_restrict", "1"},
    {"/proc/sys/kernel/kptr_restrict", "2"},
    {"/proc/sys/kernel/unprivileged_bpf_disabled", "1"},
    /* In a user namespace of its own the app would have every capability. */
    {"/proc/sys/user/max_user_namespaces", "0"},
    {"/proc/sys/kernel/modules_disabled", "1"},
};

static const char *const read_only[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc/exitcode", "/proc/sysemu",
};

/* The command line has nothing for the app: numbers of descriptors on the host, for one. */
static const char *const hidden[] = {
    "/proc/kcore", "/proc/cmdline", "/proc/keys", "/proc/timer_list", "/proc/latency_stats", "/proc/sched_debug",
};

/* Returns 0 or a negative errno. */
int write_setting(const char *path, const char *value)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    ssize_t count = write_full(file, value, strlen(value));
    close(file);
    return count < 0 ? (int)count : 0;
}

static int limit_kernel(struct olos_error *error)
{
    for (size_t i = 0; i < COUNT(settings); i++) {
        int code = write_setting(settings[i].path, settings[i].value);
        if (code && code != -ENOENT)
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be set: %s", settings[i].path,
                             strerror(-code));
        log_debug("%s: %s", settings[i].path, code ? "not there" : settings[i].value);
    }
    return 0;
}

static int protect_proc(struct olos_error *error)
{
    for (size_t i = 0; i < COUNT(read_only); i++) {
        const char *path = read_only[i];
        if (mount(path, path, NULL, MS_BIND, NULL) == 0) {
            if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | PRIVATE, NULL))
                return olos_fail(error, OLOS_FAILED, "init: %s cannot be made read-only: %s", path,
                                 strerror(errno));
        } else if (errno != ENOENT)
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be bound: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < COUNT(hidden); i++)
        if (mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) && errno != ENOENT)
            return olos_fail(error, OLOS_FAILED, "init: %s cannot be hidden: %s", hidden[i], strerror(errno));
    return 0;
}

/* A line of it names the host and its kernel. */
static int rewrite_cpuinfo(FILE *from, FILE *to)
{
    char line[4096];
    while (fgets(line, sizeof line, from))
        if (strncmp(line, "host\t", strlen("host\t")) != 0 && fputs(line, to) < 0)
            return -1;
    return ferror(from);
}

static int cover_cpuinfo(struct olos_error *error)
{
    static const char path[] = "/proc/cpuinfo", copy[] = "/dev/cpuinfo";
    FILE *from = fopen(path, "re"), *to = fopen(copy, "we");
    int failed = !from || !to || rewrite_cpuinfo(from, to);
    if (from)
        fclose(from);
    if (to)
        failed |= fclose(to);
    if (failed || chmod(copy, 0444) || mount(copy, path, NULL, MS_BIND, NULL) ||
        mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | PRIVATE, NULL) || unlink(copy))
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be covered: %s", path, strerror(errno));
    return 0;
}

int protect_kernel(struct olos_error *error)
{
    return limit_kernel(error) || protect_proc(error) ? -1 : cover_cpuinfo(error);
}

int protect_init(struct olos_error *error)
{
    if (setresuid((uid_t)-1, (uid_t)-1, 1))
        return olos_fail(error, OLOS_FAILED, "init: its user cannot be set: %s", strerror(errno));
    return 0;
}
