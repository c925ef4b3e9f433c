#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "component.h"
#include "filter.h"
#include "landlock.h"

/* linux/seccomp.h of Linux 6.6: who waits for an answer runs at once. */
#define SET_FLAGS SECCOMP_IOW(4, uint64_t)
#define SYNC_WAKE_UP 1ul

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

/* Returns the descriptor of its questions, 0 if it asks none, or -1. */
static int install_for_kernel(const struct confinement *keep, uint32_t at_boot, unsigned flags)
{
    static struct filter filter;
    filter_make(&filter, keep->channel, keep->frames, at_boot);
    return install(&filter, flags);
}

int confine_enter(const struct confinement *keep)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || drop_rights() || landlock_enter(keep->package, keep->memory_directory))
        return -1;
    int questions = install_for_kernel(keep, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    /* None before Linux 5.5, nor where somebody else's filter asks already. */
    if (questions < 0 && install_for_kernel(keep, SECCOMP_RET_ALLOW, 0))
        return -1;
    return send_descriptor(keep->channel, questions);
}

int confine_relay(void)
{
    static const unsigned allowed[] = {
        SYS_read, SYS_write, SYS_poll, SYS_recvfrom, SYS_recvmmsg, SYS_sendto, SYS_sendmsg, SYS_sendmmsg,
        SYS_exit_group, SYS_restart_syscall,
    };
    static struct filter filter;
    filter_make_plain(&filter, allowed, sizeof allowed / sizeof *allowed);
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
    if (count == 1 && present && header && header->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
        ioctl(fd, (int)SET_FLAGS, SYNC_WAKE_UP); /* only speed depends on it */
    }
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
