#include "tee_syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../include/olos/tee.h"
#include "tee_requests.h"

#define STACK_SIZE ((size_t)256 << 10) /* the arithmetic of curves takes some */

/* Linux 5.19: once a call has been taken up, only what kills its process interrupts it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* ---- in the app's first process ---- */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

static struct sock_filter instructions[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OLOS_SYS_GENERATE, 0, 1),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, OLOS_SYS_KEY, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
};

static int install(void)
{
    const struct sock_fprog program = {sizeof instructions / sizeof *instructions, instructions};
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    long listener =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener < 0 && errno == EINVAL)
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    return (int)listener;
}

union rights {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

/* One byte, and a descriptor beside it. */
static struct msghdr message_with(union rights *rights, struct iovec *byte)
{
    return (struct msghdr){
        .msg_iov = byte, .msg_iovlen = 1, .msg_control = rights, .msg_controllen = sizeof rights->room};
}

int tee_syscalls_offer(int channel)
{
    union rights rights = {0};
    char nothing = 0;
    struct iovec byte = {&nothing, 1};
    struct msghdr message = message_with(&rights, &byte);
    int listener = install();
    if (listener < 0)
        return -1;
    rights.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof listener), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&rights.head), &listener, sizeof listener);
    ssize_t count = sendmsg(channel, &message, 0);
    close(listener);
    return count == 1 ? 0 : -1;
}

/* ---- in init ---- */

static int take_listener(int channel)
{
    union rights rights = {0};
    char nothing;
    struct iovec byte = {&nothing, 1};
    struct msghdr message = message_with(&rights, &byte);
    int listener = -1;
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && message.msg_controllen >= rights.head.cmsg_len &&
        rights.head.cmsg_len == CMSG_LEN(sizeof listener))
        memcpy(&listener, CMSG_DATA(&rights.head), sizeof listener);
    return listener;
}

/* The number of a process is its own as long as its call is waiting; its memory is opened before that is asked. */
static int serve(int listener, const struct seccomp_notif *call)
{
    struct caller caller;
    int code = caller_open(&caller, (pid_t)call->pid);
    if (code)
        return -EFAULT;
    if (ioctl(listener, (int)SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) == 0)
        code = tee_request(&caller, call->data.nr, call->data.args[0], call->data.args[1]);
    caller_close(&caller);
    return code;
}

/* Whoever was killed meanwhile gets no answer, and needs none. */
static void *serve_all(void *argument)
{
    const int listener = (int)(uintptr_t)argument;
    for (;;) {
        struct seccomp_notif call = {0};
        if (ioctl(listener, (int)SECCOMP_IOCTL_NOTIF_RECV, &call)) {
            if (errno != EINTR && errno != ENOENT)
                return NULL; /* nobody has the filter any more */
            continue;
        }
        struct seccomp_notif_resp answer = {.id = call.id};
        answer.error = serve(listener, &call);
        ioctl(listener, (int)SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}

int tee_syscalls_serve(int channel, struct olos_error *error)
{
    pthread_t thread;
    pthread_attr_t attributes;
    int listener = take_listener(channel);
    if (listener < 0)
        return olos_fail(error, OLOS_FAILED, "init: the app has no system calls of the TEE");
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int code = pthread_create(&thread, &attributes, serve_all, (void *)(uintptr_t)listener);
    pthread_attr_destroy(&attributes);
    if (code)
        return olos_fail(error, OLOS_FAILED, "init: no thread for system calls of the TEE: %s", strerror(code));
    pthread_detach(thread);
    return 0;
}
