#include "probes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "component.h"
#include "namespaces.h"

#define SYSTEM_CALL_STOP (SIGTRAP | 0x80) /* with PTRACE_O_TRACESYSGOOD */

/* The exit code of a child, or `otherwise` if a signal has ended it. */
static int exit_code(pid_t child, int otherwise)
{
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return otherwise;
    return WEXITSTATUS(status);
}

static _Noreturn void be_traced(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(errno);
    raise(SIGSTOP);
    for (;;)
        syscall(SYS_getppid);
}

static bool stops_by(pid_t child, int signal_number, int *error)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        *error = errno;
    else if (WIFEXITED(status))
        *error = WEXITSTATUS(status);
    else
        return WIFSTOPPED(status) && WSTOPSIG(status) == signal_number;
    return false;
}

int probe_ptrace(void)
{
    int error = EPERM;
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0)
        be_traced();
    if (stops_by(child, SIGSTOP, &error)) {
        if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) ||
            ptrace(PTRACE_SYSEMU, child, NULL, NULL))
            error = errno;
        else if (stops_by(child, SYSTEM_CALL_STOP, &error))
            error = 0;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return error;
}

/* The smallest program: ELF header, one segment, exit(0). */
static const unsigned char program[] = {
    0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* ELF64, little-endian */
    2, 0, 62, 0, 1, 0, 0, 0, 120, 0, 64, 0, 0, 0, 0, 0,      /* EXEC, x86-64, entry 0x400078 */
    64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,         /* program headers at 64 */
    0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,        /* one of 56 bytes */
    1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,          /* LOAD, R|X, offset 0 */
    0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0,        /* at 0x400000 */
    127, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 0, 0, 0, 0, 0,      /* 127 bytes */
    0, 16, 0, 0, 0, 0, 0, 0,                                 /* aligned to 4096 */
    0x31, 0xff, 0x6a, 0x3c, 0x58, 0x0f, 0x05,                /* xor edi, edi; push 60; pop rax; syscall */
};

int probe_program_in_memory(void)
{
    char *nothing[] = {NULL};
    int file = memory_try_file("probe");
    if (file < 0)
        return errno;
    ssize_t written = write_full(file, program, sizeof program);
    pid_t child = written < 0 ? -1 : fork();
    if (child == 0) {
        syscall(SYS_execveat, file, "", nothing, nothing, AT_EMPTY_PATH);
        _exit(errno);
    }
    int error = child < 0 ? (written < 0 ? (int)-written : errno) : exit_code(child, EPERM);
    close(file);
    return error;
}

int probe_executable_memory(void)
{
    /* Not by mmap(3), which says ENOMEM for EPERM. */
    long memory = syscall(SYS_mmap, NULL, 4096L, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1L, 0L);
    if (memory == -1)
        return errno;
    syscall(SYS_munmap, memory, 4096L);
    return 0;
}

enum confine_ability probe_filter(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit((int)confine_try());
    int code = child < 0 ? CONFINE_NOTHING : exit_code(child, CONFINE_NOTHING);
    return (enum confine_ability)code;
}

int probe_namespace(void)
{
    int error = EPERM;
    for (int way = 0; way < NAMESPACE_WAYS && namespaces_apart(way); way++) {
        pid_t child = namespaces_fork(way);
        if (child == 0)
            _exit(0);
        if (child > 0) {
            waitpid(child, NULL, 0);
            return 0;
        }
        error = errno;
    }
    return error;
}
