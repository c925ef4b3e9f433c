/* The TCALLs: the closed list of what a kernel may ask of its target (docs/tcall.md).

   A row is CALL(name, test, test, "what for"): a system call of the host, and what its arguments must be. A call
   is allowed if all tests of one of its rows pass. The filter of the kernel's processes is made from these
   rows and from nothing else, and the table in the documentation is compared with them. */
#pragma once

/* Tests of one argument, counted from 0; all of them are ints:
     ANY                     whatever they are
     ONE_OF(argument, …)     one of these values
     POSITIVE(argument)      above 0: one process, and not a group or all of them

   Values that are known only when the filter is made: */
#define TCALL_SELF 0xfffffff1u    /* the kernel's own process id */
#define TCALL_CHANNEL 0xfffffff2u /* the descriptor over which the filter's questions are handed out */
#define TCALL_FRAMES 0xfffffff3u  /* the descriptor of the network's frames */

/* Once the app may run. */
#define TCALLS_RUNNING(CALL)                                                                                   \
    CALL(ptrace,                                                                                               \
         ONE_OF(0, PTRACE_TRACEME, PTRACE_CONT, PTRACE_KILL, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSEMU,    \
                PTRACE_SYSEMU_SINGLESTEP, PTRACE_ARCH_PRCTL, PTRACE_OLDSETOPTIONS, PTRACE_GETREGSET,           \
                PTRACE_SETREGSET, PTRACE_GETSIGINFO),                                                          \
         ANY, "run the app's code in its own processes, each of which asks to be traced")                      \
    CALL(wait4, ANY, ANY, "wait for them")                                                                     \
    CALL(clone, ONE_OF(0, CLONE_PARENT | CLONE_FILES | SIGCHLD), ANY, "make another one, for an address space")\
    CALL(kill, POSITIVE(0), ONE_OF(1, SIGKILL, SIGALRM, SIGIO, SIGABRT), "end or interrupt one, or itself")    \
    CALL(getpid, ANY, ANY, "signal itself")                                                                    \
    CALL(exit_group, ANY, ANY, "end")                                                                          \
    CALL(mmap, ANY, ANY, "map the file that is the memory")                                                    \
    CALL(munmap, ANY, ANY, "take it away")                                                                     \
    CALL(mprotect, ANY, ANY, "change its protection")                                                          \
    CALL(read, ANY, ANY, "lines; wishes of its helper processes")                                              \
    CALL(write, ANY, ANY, "lines; answers of its helper processes")                                            \
    CALL(pread64, ANY, ANY, "block devices: package and standard input")                                       \
    CALL(preadv2, ANY, ANY, "the same, as far as it needs no waiting, and in pieces")                          \
    CALL(poll, ANY, ANY, "helper processes wait for lines and wishes")                                         \
    CALL(epoll_wait, ANY, ANY, "which line has caused an interrupt")                                           \
    CALL(restart_syscall, ANY, ANY, "go on waiting after a stop")                                              \
    CALL(rt_sigaction, ANY, ANY, "what handles interrupts")                                                    \
    CALL(rt_sigprocmask, ANY, ANY, "hold interrupts back")                                                     \
    CALL(rt_sigreturn, ANY, ANY, "return from an interrupt")                                                   \
    CALL(rt_sigsuspend, ANY, ANY, "idle until an interrupt")                                                   \
    CALL(timer_settime, ANY, ANY, "the next interrupt of the clock")                                           \
    CALL(timer_gettime, ANY, ANY, "whether one is to come")                                                    \
    CALL(clock_gettime, ANY, ANY, "time, where the host has no faster way to tell it")                         \
    CALL(getrandom, ANY, ANY, "random numbers")

/* With a network, besides. */
#define TCALLS_NETWORK(CALL)                                                                                   \
    CALL(recvmmsg, ONE_OF(0, TCALL_FRAMES), ANY, "frames that have come")                                      \
    CALL(readv, ONE_OF(0, TCALL_FRAMES), ANY, "one of them")                                                   \
    CALL(sendmmsg, ONE_OF(0, TCALL_FRAMES), ANY, "frames that go")                                             \
    CALL(writev, ONE_OF(0, TCALL_FRAMES), ANY, "one of them")

/* Before it is the kernel: nobody can be asked yet. That descriptor is closed then, and none gets its number again,
   as it is above the limit of descriptors. */
#define TCALLS_ENTERING(CALL)                                                                                  \
    CALL(sendmsg, ONE_OF(0, TCALL_CHANNEL), ANY, "hand out the descriptor of the filter's questions")

/* Until then, besides. The target answers whether a call is one of them. Where it cannot be asked, they
   stay allowed. */
#define TCALLS_BOOTING(CALL)                                                                                   \
    CALL(execveat, ONE_OF(4, AT_EMPTY_PATH), ANY, "become the kernel, which is a file in memory")              \
    CALL(openat, ANY, ANY, "libraries, initramfs, block devices, lines, memory")                               \
    CALL(open, ANY, ANY, "the same")                                                                           \
    CALL(close, ANY, ANY, "what is not needed any more, the channel for one")                                  \
    CALL(newfstatat, ANY, ANY, "sizes of files")                                                               \
    CALL(stat, ANY, ANY, "the same")                                                                           \
    CALL(fstat, ANY, ANY, "the same")                                                                          \
    CALL(statfs, ANY, ANY, "where memory can be")                                                              \
    CALL(access, ANY, ANY, "what the host has")                                                                \
    CALL(readlink, ANY, ANY, "where it is itself")                                                             \
    CALL(mkdir, ANY, ANY, "its directory for files, which is one where it can make none")                      \
    CALL(unlink, ANY, ANY, "the name of its memory")                                                           \
    CALL(lseek, ANY, ANY, "the size of its memory")                                                            \
    CALL(fsync, ANY, ANY, "the same")                                                                          \
    CALL(brk, ANY, ANY, "memory before there is any")                                                          \
    CALL(madvise, ANY, ANY, "what memory files can do")                                                        \
    CALL(ptrace, ONE_OF(0, PTRACE_SYSCALL, PTRACE_PEEKUSER, PTRACE_POKEUSER), ANY, "what tracing can do")      \
    CALL(clone,                                                                                                \
         ONE_OF(0, CLONE_FILES | SIGCHLD, CLONE_FILES | CLONE_VM,                                              \
                CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD),                                          \
         ANY, "first address spaces; helper processes for interrupts and block devices; tests of tracing")     \
    CALL(kill, POSITIVE(0), ONE_OF(1, SIGSTOP), "a new process stops itself, to be traced")                    \
    CALL(fcntl, ONE_OF(1, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETSIG), ANY, "lines that interrupt")          \
    CALL(fcntl, ONE_OF(1, F_SETOWN), ONE_OF(2, TCALL_SELF), "and whom")                                        \
    CALL(epoll_create, ANY, ANY, "interrupts")                                                                 \
    CALL(epoll_create1, ANY, ANY, "interrupts")                                                                \
    CALL(epoll_ctl, ANY, ANY, "interrupts")                                                                    \
    CALL(socketpair, ONE_OF(0, AF_UNIX), ANY, "lines to its helper processes")                                 \
    CALL(pipe, ANY, ANY, "the same")                                                                           \
    CALL(pipe2, ANY, ANY, "the same")                                                                          \
    CALL(dup, ANY, ANY, "lines")                                                                               \
    CALL(timer_create, ONE_OF(0, CLOCK_MONOTONIC), ANY, "the clock's interrupt")                               \
    CALL(sigaltstack, ANY, ANY, "the stack of signals")                                                        \
    CALL(modify_ldt, ANY, ANY, "clean segments of a first address space")                                      \
    CALL(arch_prctl, ANY, ANY, "start of a program")                                                           \
    CALL(set_tid_address, ANY, ANY, "start of a program")                                                      \
    CALL(set_robust_list, ANY, ANY, "start of a program")                                                      \
    CALL(rseq, ANY, ANY, "start of a program")                                                                 \
    CALL(futex, ANY, ANY, "start of a program")                                                                \
    CALL(prlimit64, ONE_OF(0, 0), ANY, "its own limits")                                                       \
    CALL(uname, ANY, ANY, "the kind of machine")                                                               \
    CALL(getppid, ANY, ANY, "tests of tracing")                                                                \
    CALL(setsid, ANY, ANY, "apart from the terminal")
