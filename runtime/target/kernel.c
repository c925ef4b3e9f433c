#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../include/olos/network.h"
#include "confine.h"

#define MAX_ARGUMENTS 32
#define MIB (UINT64_C(1) << 20)
/* It has about 40 descriptors. */
#define MAX_DESCRIPTORS 256

/* Left out at boot, as nothing here needs them and they take most of its time: the benchmark of RAID
   algorithms, file systems, compressed swap, and the drivers of keyboards and the like, for each of which the
   kernel starts a process to tell of it. */
#define SKIPPED_AT_BOOT                                                                                        \
    "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,register_xor_blocks,init_btrfs_fs,init_jfs_fs," \
    "init_zswap,strp_dev_init,init_xfs_fs,init_reiserfs_fs,hid_init,hid_generic_init,a4_driver_init,"          \
    "belkin_driver_init,ch_driver_init,cp_driver_init,ez_driver_init,ite_driver_init,ks_driver_init,"          \
    "mr_driver_init,ms_driver_init,redragon_driver_init,atkbd_init,psmouse_init,bsg_init"

/* Loops in a hundredth of a second, on a fast processor. The kernel would take a tenth of a second and more to
   count them; with too many its short delays, which no driver here has, are too long. */
#define DELAY_LOOPS "lpj=50000000"

struct words {
    size_t count;
    char *items[MAX_ARGUMENTS + 1];
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (words->count == MAX_ARGUMENTS || vasprintf(&words->items[words->count++], format, arguments) < 0)
        die(OLOS_FAILED, "the kernel's command line is too long");
    va_end(arguments);
}

static void make_arguments(const struct kernel *kernel, struct words *args)
{
    const struct kernel_lines *lines = &kernel->lines;
    add(args, "linux");
    add(args, "mem=%" PRIu64 "M", kernel->memory / MIB);
    add(args, "initrd=/proc/self/fd/%d", kernel->boot->initrd);
    add(args, "rdinit=/init");
    add(args, "ubd0r=/proc/self/fd/%d", kernel->boot->rootfs);
    add(args, "ubd1r=/proc/self/fd/%d", lines->slots);
    add(args, "con=none"); /* a line that exists is a device, and costs as much as a driver */
    add(args, "con0=null,fd:%d", lines->log);
    add(args, "ssl=none");
    add(args, "ssl0=fd:%d", lines->control);
    add(args, "ssl1=null,fd:%d", lines->stdout_line);
    add(args, "ssl2=null,fd:%d", lines->stderr_line);
    if (lines->mount_slots >= 0) {
        add(args, "ssl3=fd:%d,fd:%d", lines->mount_notices, lines->mount_requests);
        add(args, "ubd2r=/proc/self/fd/%d", lines->mount_slots);
    }
    add(args, "ssl4=fd:%d,fd:%d", lines->tee_answers, lines->tee_requests);
    add(args, "uml_dir=/proc/"); /* where it can make no directory: so it leaves no files */
    if (lines->frames >= 0)
        add(args, NETWORK_DEVICE ":transport=fd,fd=%d,depth=64,gro=1,mtu=%d,mac=%s", lines->frames, NETWORK_MTU,
            NETWORK_MAC);
    add(args, "pty.legacy_count=0");
    add(args, DELAY_LOOPS);
    add(args, SKIPPED_AT_BOOT);
}

static void make_environment(const struct kernel *kernel, struct words *env)
{
    const struct boot *boot = kernel->boot;
    char list[BOOT_MAX_LIBRARIES * 32] = "";
    for (size_t i = 0; i < boot->library_count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s/proc/self/fd/%d", i ? ":" : "",
                 boot->libraries[i]);
    /* Without one it asks for its files all the same, and is given others: see confine_answer. */
    add(env, "TMPDIR=%s", *kernel->memory_directory ? kernel->memory_directory : "/proc");
    if (boot->library_count)
        add(env, "LD_PRELOAD=%s", list);
    /* A static kernel unmaps the memory that glibc has registered for restartable sequences. */
    if (boot->interpreter < 0)
        add(env, "GLIBC_TUNABLES=glibc.pthread.rseq=0");
}

/* A system call costs a tenth on one processor, as each is a switch between two processes. */
static void pin(void)
{
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        return;
    int wanted = (int)((unsigned)getpid() % (unsigned)CPU_COUNT(&allowed));
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && wanted-- == 0)
            CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one); /* only speed depends on it */
}

/* Leaves the channel above the limit, so that nothing opened later gets its number. */
static int limit_descriptors(int *channel)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return -1;
    if (limit.rlim_cur > MAX_DESCRIPTORS)
        limit.rlim_cur = MAX_DESCRIPTORS + 1;
    limit.rlim_cur--;
    limit.rlim_max = limit.rlim_cur;
    *channel = fcntl(*channel, F_DUPFD_CLOEXEC, (int)limit.rlim_cur);
    return *channel < 0 ? -1 : setrlimit(RLIMIT_NOFILE, &limit);
}

static int limit_process(int *channel)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) || limit_descriptors(channel))
        return -1;
    personality(ADDR_NO_RANDOMIZE); /* the kernel would start itself again with it */
    pin();
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void kernel_execute(const struct kernel *kernel)
{
    struct words args = {0}, env = {0};
    int nothing = open("/dev/null", O_RDWR), channel = kernel->lines.channel;
    make_arguments(kernel, &args);
    make_environment(kernel, &env);
    reset_signals();
    if (nothing < 0 || limit_process(&channel) || dup2(nothing, 0) < 0 || dup2(kernel->lines.log, 1) < 0 ||
        dup2(kernel->lines.log, 2) < 0)
        return;
    if (nothing > 2)
        close(nothing);
    const struct confinement keep = {.channel = channel,
                                     .frames = kernel->lines.frames,
                                     .package = kernel->boot->rootfs,
                                     .memory_directory = kernel->memory_directory};
    if (confine_enter(&keep))
        return;
    syscall(SYS_execveat, kernel->boot->kernel, "", args.items, env.items, AT_EMPTY_PATH);
}
