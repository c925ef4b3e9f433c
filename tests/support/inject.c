/* Makes another process do system calls of its own, as a program that has taken it over would, and prints what
   each returns: inject PID. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define TEXT 1 /* stands for the address of a string */

static const struct {
    const char *name, *text;
    long number, args[4];
} calls[] = {
    {"getpid", "", SYS_getpid, {0}},
    {"openat", "/etc/passwd", SYS_openat, {AT_FDCWD, TEXT, O_RDONLY}},
    {"open", "/etc/passwd", SYS_open, {TEXT, O_RDONLY}},
    {"creat", "/tmp/olos-was-here", SYS_creat, {TEXT, 0600}},
    {"unlink", "/tmp/olos-was-here", SYS_unlink, {TEXT}},
    {"memfd_create", "x", SYS_memfd_create, {TEXT}},
    {"socket-inet", "", SYS_socket, {AF_INET, SOCK_STREAM}},
    {"socket-unix", "", SYS_socket, {AF_UNIX, SOCK_STREAM}},
    {"connect", "", SYS_connect, {0}},
    {"sendmsg", "", SYS_sendmsg, {0}},
    {"execve", "/bin/true", SYS_execve, {TEXT}},
    {"execveat", "/bin/true", SYS_execveat, {AT_FDCWD, TEXT}},
    {"clone3", "", SYS_clone3, {0}},
    {"kill-all", "", SYS_kill, {-1}},
    {"kill-group", "", SYS_kill, {0}},
    {"ptrace-attach", "", SYS_ptrace, {PTRACE_ATTACH, 1}},
    {"ptrace-seize", "", SYS_ptrace, {PTRACE_SEIZE, 1}},
    {"process_vm_writev", "", SYS_process_vm_writev, {1}},
    {"pidfd_open", "", SYS_pidfd_open, {1}},
    {"tiocsti", "", SYS_ioctl, {0, 0x5412}},
    {"io_uring_setup", "", SYS_io_uring_setup, {1}},
    {"mount", "", SYS_mount, {0}},
    {"unshare", "", SYS_unshare, {0x10000000}},
    {"setuid", "", SYS_setuid, {0}},
    {"bpf", "", SYS_bpf, {0}},
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long call(pid_t pid, const struct user_regs_struct *at, unsigned i)
{
    struct user_regs_struct regs = *at;
    unsigned long room = (at->rsp - 1024) & ~15ul, args[4];
    struct iovec from = {(void *)calls[i].text, strlen(calls[i].text) + 1}, to = {(void *)room, from.iov_len};
    if (process_vm_writev(pid, &from, 1, &to, 1, 0) != (ssize_t)from.iov_len)
        fail("process_vm_writev");
    for (int k = 0; k < 4; k++)
        args[k] = calls[i].args[k] == TEXT && *calls[i].text ? room : (unsigned long)calls[i].args[k];
    regs.rip -= 2; /* onto the instruction that it is in */
    regs.rax = (unsigned long)calls[i].number;
    regs.orig_rax = ~0ul;
    regs.rdi = args[0], regs.rsi = args[1], regs.rdx = args[2], regs.r10 = args[3], regs.r8 = regs.r9 = 0;
    if (ptrace(PTRACE_SETREGS, pid, 0, &regs) || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
        waitpid(pid, NULL, 0) != pid || ptrace(PTRACE_GETREGS, pid, 0, &regs))
        fail(calls[i].name);
    return (long)regs.rax;
}

int main(int argc, char **argv)
{
    struct user_regs_struct regs;
    pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, NULL, 0) != pid ||
        ptrace(PTRACE_GETREGS, pid, 0, &regs))
        fail("attach");
    if ((ptrace(PTRACE_PEEKTEXT, pid, regs.rip - 2, 0) & 0xffff) != 0x050f)
        fail("the process is in no system call");
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        printf("%s %ld\n", calls[i].name, call(pid, &regs, i));
    return 0;
}
