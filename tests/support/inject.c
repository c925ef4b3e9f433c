/* Makes another process do system calls of its own, as a program that has taken it over would: inject PID. Reads
   them from standard input, one on a line (attempt.h), and prints for each what it returns, or `killed`. A line that
   begins with `old` uses the entry of 32-bit programs. */
#include <elf.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define SYSCALL 0x050f /* the instructions, as they lie in memory */
#define INT_80 0x80cd
#define ROOM 1024 /* for each argument, below the stack */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static unsigned long place(pid_t pid, unsigned long room, const char *text)
{
    static char page[ROOM];
    struct iovec from = {strcpy(page, text), ROOM}, to = {(void *)room, ROOM};
    if (process_vm_writev(pid, &from, 1, &to, 1, 0) != ROOM)
        fail("process_vm_writev");
    memset(page, 0, sizeof page);
    return room;
}

static void set_arguments(pid_t pid, struct user_regs_struct *regs, const struct attempt *attempt)
{
    unsigned long v[MAX_ARGUMENTS], room = (regs->rsp & ~0xffful) - ROOM;
    for (int i = 0; i < MAX_ARGUMENTS; i++, room -= ROOM)
        v[i] = attempt->texts[i] ? place(pid, room, attempt->texts[i]) : (unsigned long)attempt->values[i];
    regs->rdi = v[0], regs->rsi = v[1], regs->rdx = v[2], regs->r10 = v[3], regs->r8 = v[4], regs->r9 = v[5];
}

/* One instruction. Signals that come meanwhile have to wait; the last of them is returned in `held`. */
static int step(pid_t pid, int *held)
{
    int status;
    do {
        if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid)
            fail("step");
        if (WIFSIGNALED(status))
            return -1;
        if (WSTOPSIG(status) != SIGTRAP)
            *held = WSTOPSIG(status);
    } while (WSTOPSIG(status) != SIGTRAP);
    return 0;
}

static void call(pid_t pid, const struct user_regs_struct *at, struct attempt attempt, int *held)
{
    struct user_regs_struct regs = *at;
    set_arguments(pid, &regs, &attempt);
    regs.rip -= 2; /* onto the instruction that it is in */
    regs.rax = (unsigned long)attempt.number;
    regs.orig_rax = ~0ul;
    if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
        fail("registers");
    if (step(pid, held)) {
        puts("killed");
        exit(0);
    }
    if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
        fail("registers");
    printf("%ld\n", (long)regs.rax);
    fflush(stdout);
}

static void set_entry(pid_t pid, unsigned long place, long code)
{
    long word = ptrace(PTRACE_PEEKTEXT, pid, place, 0);
    if (ptrace(PTRACE_POKETEXT, pid, place, (word & ~0xffffl) | code))
        fail("entry");
}

int main(int argc, char **argv)
{
    struct user_regs_struct regs;
    char line[512];
    int held = 0;
    pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, NULL, __WALL) != pid ||
        ptrace(PTRACE_GETREGS, pid, 0, &regs))
        fail("attach");
    if ((ptrace(PTRACE_PEEKTEXT, pid, regs.rip - 2, 0) & 0xffff) != SYSCALL)
        fail("the process is in no system call");
    while (line_read(line, sizeof line)) {
        int old = strncmp(line, "old ", 4) == 0;
        if (old)
            set_entry(pid, regs.rip - 2, INT_80);
        call(pid, &regs, attempt_read(line + (old ? 4 : 0)), &held);
        if (old)
            set_entry(pid, regs.rip - 2, SYSCALL);
    }
    if (ptrace(PTRACE_SETREGS, pid, 0, &regs) || ptrace(PTRACE_DETACH, pid, 0, held))
        fail("restore");
    return 0;
}
