#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "component.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MAX_INSTRUCTIONS 256
#define X32_BIT 0x40000000u

/* What a running User-Mode Linux needs: its memory, its processes, its clock, the lines it was given. */
static const unsigned always[] = {
    /* lines and block devices, by descriptors that it has */
    SYS_read, SYS_write, SYS_pread64, SYS_preadv2, SYS_pwrite64, SYS_readv, SYS_writev, SYS_lseek, SYS_close,
    SYS_fstat, SYS_fcntl, SYS_fsync, SYS_fdatasync, SYS_poll, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl,
    /* memory */
    SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_mremap,
    /* signals and time */
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
    SYS_sigaltstack, SYS_restart_syscall, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime,
    SYS_gettimeofday, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_delete,
    /* its processes and threads */
    SYS_clone, SYS_wait4, SYS_exit, SYS_exit_group, SYS_getpid, SYS_gettid, SYS_tgkill, SYS_sched_yield,
    SYS_futex, SYS_set_robust_list, SYS_getrandom,
};

/* Where the host has no questions: what it needs to boot, as far as that opens no way out. */
static const unsigned at_boot[] = {
    SYS_execveat, SYS_openat, SYS_open, SYS_newfstatat, SYS_stat, SYS_statfs, SYS_fstatfs, SYS_mkdir,
    SYS_socketpair, SYS_pipe2, SYS_pipe, SYS_dup, SYS_dup2, SYS_epoll_create, SYS_epoll_create1, SYS_prlimit64,
    SYS_getrlimit, SYS_setrlimit, SYS_personality, SYS_arch_prctl, SYS_prctl, SYS_modify_ldt, SYS_rseq,
    SYS_uname, SYS_access, SYS_readlink, SYS_getppid, SYS_getpgrp, SYS_setsid, SYS_setpgid, SYS_unlink,
    SYS_ftruncate, SYS_set_tid_address, SYS_sysinfo, SYS_sched_getaffinity, SYS_getcwd, SYS_getuid,
    SYS_geteuid, SYS_getgid, SYS_getegid, SYS_fchmod, SYS_eventfd2, SYS_fallocate,
};

struct filter {
    struct sock_filter code[MAX_INSTRUCTIONS];
    unsigned short count;
};

static void add(struct filter *filter, struct sock_filter instruction)
{
    if (filter->count == MAX_INSTRUCTIONS)
        die(OLOS_FAILED, "the system call filter is too long");
    filter->code[filter->count++] = instruction;
}

static void load(struct filter *filter, size_t offset)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void decide(struct filter *filter, uint32_t action)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* What is left to decide is the number of the system call. */
static void begin(struct filter *filter)
{
    filter->count = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    decide(filter, SECCOMP_RET_KILL_PROCESS);
    load(filter, offsetof(struct seccomp_data, nr));
}

/* If the loaded value is this one: the next instruction, else the one behind it. */
static void on_value(struct filter *filter, uint32_t value)
{
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
}

static void allow_all(struct filter *filter, const unsigned *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        on_value(filter, numbers[i]);
        decide(filter, SECCOMP_RET_ALLOW);
    }
}

/* A system call that is allowed but for some values of one argument (its lower half: all are ints). */
static void allow_but(struct filter *filter, unsigned number, unsigned argument, const uint32_t *refused,
                      size_t count)
{
    /* over the load, the tests and the final decision */
    uint8_t length = (uint8_t)(2 + 2 * count);
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, length));
    load(filter, offsetof(struct seccomp_data, args) + 8 * argument);
    for (size_t i = 0; i < count; i++) {
        on_value(filter, refused[i]);
        decide(filter, SECCOMP_RET_ERRNO | EPERM);
    }
    decide(filter, SECCOMP_RET_ALLOW);
}

/* kill of one process: of a group, or of all, it could reach others. */
static void allow_kill_of_one(struct filter *filter)
{
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 5));
    load(filter, offsetof(struct seccomp_data, args));
    add(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1)); /* so that 0 is negative too */
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80000000u, 0, 1));
    decide(filter, SECCOMP_RET_ERRNO | EPERM);
    decide(filter, SECCOMP_RET_ALLOW);
}

/* A system call whose first argument is a descriptor, for this one and (if it is any) that. */
static void allow_on(struct filter *filter, unsigned number, int descriptor, int other)
{
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, other < 0 ? 4 : 6));
    load(filter, offsetof(struct seccomp_data, args));
    on_value(filter, (uint32_t)descriptor);
    decide(filter, SECCOMP_RET_ALLOW);
    if (other >= 0) {
        on_value(filter, (uint32_t)other);
        decide(filter, SECCOMP_RET_ALLOW);
    }
    decide(filter, SECCOMP_RET_ERRNO | EPERM);
}

/* The channel is closed when the process becomes the kernel. */
static void allow_sockets(struct filter *filter, int channel, int frames)
{
    static const unsigned of_frames[] = {SYS_recvmsg, SYS_recvmmsg, SYS_sendmmsg};
    allow_on(filter, SYS_sendmsg, channel, frames);
    for (size_t i = 0; frames >= 0 && i < COUNT(of_frames); i++)
        allow_on(filter, of_frames[i], frames, -1);
}

static void make_filter(struct filter *filter, int channel, int frames, uint32_t otherwise)
{
    static const uint32_t ptrace_of_others[] = {PTRACE_ATTACH, PTRACE_SEIZE}, ioctl_of_terminals[] = {TIOCSTI};
    begin(filter);
    allow_all(filter, always, COUNT(always));
    allow_but(filter, SYS_ptrace, 0, ptrace_of_others, COUNT(ptrace_of_others));
    allow_but(filter, SYS_ioctl, 1, ioctl_of_terminals, COUNT(ioctl_of_terminals));
    allow_kill_of_one(filter);
    allow_sockets(filter, channel, frames);
    if (otherwise != SECCOMP_RET_USER_NOTIF)
        allow_all(filter, at_boot, COUNT(at_boot));
    decide(filter, otherwise);
}

/* Returns the descriptor of its questions, 0 if it asks none, or -1. */
static int install(struct filter *filter, unsigned flags)
{
    struct sock_fprog program = {filter->count, filter->code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* The right to read any file stays, as root may have been given the package of another user. */
static int drop_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (geteuid() == 0) {
        for (unsigned capability = 0; capability < 64; capability++)
            if (capability != CAP_DAC_READ_SEARCH)
                prctl(PR_CAPBSET_DROP, capability); /* refused if it is not there */
        data[0].permitted = data[0].effective = 1u << CAP_DAC_READ_SEARCH;
        if (syscall(SYS_capset, &header, data) == 0)
            return 0;
        data[0] = (struct __user_cap_data_struct){0};
    }
    return (int)syscall(SYS_capset, &header, data);
}

union passed {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(int channel, int fd)
{
    char present = fd >= 0;
    union passed passed = {.header = {CMSG_LEN(sizeof(int)), 0, SOL_SOCKET, SCM_RIGHTS}};
    struct iovec data = {&present, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (present) {
        memcpy(CMSG_DATA(&passed.header), &fd, sizeof fd);
        message.msg_control = &passed;
        message.msg_controllen = sizeof passed;
    }
    return syscall(SYS_sendmsg, channel, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int confine_enter(int channel, int frames)
{
    static struct filter filter;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || drop_rights())
        return -1;
    make_filter(&filter, channel, frames, SECCOMP_RET_USER_NOTIF);
    int questions = install(&filter, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (questions < 0) { /* None before Linux 5.5, nor where somebody else's filter asks already. */
        make_filter(&filter, channel, frames, SECCOMP_RET_ERRNO | EPERM);
        if (install(&filter, 0))
            return -1;
    }
    return send_descriptor(channel, questions);
}

int confine_relay(void)
{
    static const unsigned allowed[] = {
        SYS_read, SYS_write, SYS_poll, SYS_recvfrom, SYS_recvmmsg, SYS_sendto, SYS_sendmsg, SYS_sendmmsg,
        SYS_exit_group, SYS_restart_syscall,
    };
    static struct filter filter;
    begin(&filter);
    allow_all(&filter, allowed, COUNT(allowed));
    decide(&filter, SECCOMP_RET_KILL_PROCESS);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || drop_rights() ? -1 : install(&filter, 0);
}

int confine_receive(int channel)
{
    char present = 0;
    int fd = -1;
    union passed passed;
    struct iovec data = {&present, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof passed};
    ssize_t count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (count == 1 && present && header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

enum confine_ability confine_try(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog all = {1, &allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return CONFINE_NOTHING;
    int questions = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all);
    if (questions >= 0)
        return confine_can_supply(questions) ? CONFINE_SUPPLIES : CONFINE_ASKS;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &all) ? CONFINE_NOTHING : CONFINE_FILTERS;
}

bool confine_can_supply(int questions)
{
    struct seccomp_notif_addfd nothing = {.srcfd = (uint32_t)-1};
    return questions >= 0 && ioctl(questions, (int)SECCOMP_IOCTL_NOTIF_ADDFD, &nothing) < 0 && errno == EBADF;
}

/* It wants a file without a name, for its memory. */
static bool makes_file(const struct seccomp_data *call)
{
    return call->nr == SYS_openat && (call->args[2] & O_TMPFILE) == O_TMPFILE;
}

static void supply_file(int questions, uint64_t id, struct seccomp_notif_resp *answer)
{
    int file = memory_file("memory");
    struct seccomp_notif_addfd handed = {.id = id, .srcfd = (uint32_t)file, .newfd_flags = O_CLOEXEC};
    int number = ioctl(questions, (int)SECCOMP_IOCTL_NOTIF_ADDFD, &handed);
    if (number < 0)
        answer->error = -errno;
    else
        answer->val = number;
    close(file);
}

int confine_answer(int questions, bool booting, bool supply)
{
    struct seccomp_notif question = {0};
    struct seccomp_notif_resp answer = {0};
    if (ioctl(questions, (int)SECCOMP_IOCTL_NOTIF_RECV, &question))
        return -1; /* the process that asked is gone */
    answer.id = question.id;
    if (!booting)
        answer.error = -EPERM;
    else if (supply && makes_file(&question.data))
        supply_file(questions, question.id, &answer);
    else
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(questions, (int)SECCOMP_IOCTL_NOTIF_SEND, &answer);
    return booting ? -1 : question.data.nr;
}
