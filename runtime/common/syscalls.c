#include "syscalls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_OF_SECOND 424 /* between the two blocks nothing is in use */

static const struct {
    const char *name;
    char letter;
} classes[] = {
    {"file", 'F'},   {"desc", 'D'},   {"network", 'N'}, {"process", 'P'},
    {"memory", 'M'}, {"signal", 'S'}, {"ipc", 'I'},
};

/* NAME[:ARGUMENTS[:CLASSES]], in the order of the numbers. */
static const char first[] =
    "read:drl:D write:dwl:D open:sxo:FD close:d:D stat:sx:F fstat:dx:D lstat:sx:F poll:xld:D lseek:dld:D "
    "mmap:xlxxdx:DM mprotect:xlx:M munmap:xl:M brk:x:M rt_sigaction:dxxl:S rt_sigprocmask:dxxl:S "
    "rt_sigreturn::S ioctl:dxx:D pread64:drll:D pwrite64:dwll:D readv:dxl:D writev:dxl:D access:so:F pipe:x:D "
    "select:dxxxx:D sched_yield mremap:xllxx:M msync:xlx:M mincore:xlx:M madvise:xld:M shmget:xlx:I shmat:dxx:IM "
    "shmctl:ddx:I dup:d:D dup2:dd:D pause::S nanosleep:xx getitimer:dx alarm:d setitimer:dxx getpid sendfile:ddxl:DN "
    "socket:ddd:N connect:dxd:N accept:dxx:N sendto:dwlxxd:N recvfrom:drlxxx:N sendmsg:dxx:N recvmsg:dxx:N "
    "shutdown:dd:N bind:dxd:N listen:dd:N getsockname:dxx:N getpeername:dxx:N socketpair:dddx:N setsockopt:dddxd:N "
    "getsockopt:dddxx:N clone:xxxxx:P fork::P vfork::P execve:svx:FP exit:d:P wait4:dxxx:P kill:dd:SP uname:x "
    "semget:xdx:I semop:dxl:I semctl:dddx:I shmdt:x:IM msgget:xx:I msgsnd:dxlx:I msgrcv:dxllx:I msgctl:ddx:I "
    "fcntl:ddx:D flock:dx:D fsync:d:D fdatasync:d:D truncate:sl:F ftruncate:dl:D getdents:dxl:D getcwd:xl:F chdir:s:F "
    "fchdir:d:D rename:ss:F mkdir:so:F rmdir:s:F creat:so:FD link:ss:F unlink:s:F symlink:ss:F readlink:srl:F "
    "chmod:so:F fchmod:do:D chown:sdd:F fchown:ddd:D lchown:sdd:F umask:o gettimeofday:xx getrlimit:dx getrusage:dx "
    "sysinfo:x times:x ptrace:lldx getuid syslog:dxd getgid setuid:d setgid:d geteuid getegid setpgid:dd getppid "
    "getpgrp setsid setreuid:dd setregid:dd getgroups:dx setgroups:dx setresuid:ddd getresuid:xxx setresgid:ddd "
    "getresgid:xxx getpgid:d setfsuid:d setfsgid:d getsid:d capget:xx capset:xx rt_sigpending:xl:S "
    "rt_sigtimedwait:xxxl:S rt_sigqueueinfo:ddx:SP rt_sigsuspend:xl:S sigaltstack:xx:S utime:sx:F mknod:sox:F uselib:s:F "
    "personality:x ustat:xx statfs:sx:F fstatfs:dx:D sysfs:dxx getpriority:dd setpriority:ddd sched_setparam:dx "
    "sched_getparam:dx sched_setscheduler:ddx sched_getscheduler:d sched_get_priority_max:d "
    "sched_get_priority_min:d sched_rr_get_interval:dx mlock:xl:M munlock:xl:M mlockall:x:M munlockall::M vhangup "
    "modify_ldt:dxl pivot_root:ss:F _sysctl:x prctl:dxxxx arch_prctl:xx adjtimex:x setrlimit:dx chroot:s:F sync acct:s:F "
    "settimeofday:xx mount:sssxx:F umount2:sx:F swapon:sx:F swapoff:s:F reboot:xxxx sethostname:wl setdomainname:wl "
    "iopl:d ioperm:xld create_module:sl init_module:xls delete_module:sx get_kernel_syms:x query_module:sdxlx "
    "quotactl:xsdx:F nfsservctl:dxx getpmsg putpmsg afs_syscall tuxcall security gettid readahead:dll:D "
    "setxattr:ssxlx:F lsetxattr:ssxlx:F fsetxattr:dsxlx:D getxattr:ssxl:F lgetxattr:ssxl:F fgetxattr:dsxl:D "
    "listxattr:sxl:F llistxattr:sxl:F flistxattr:dxl:D removexattr:ss:F lremovexattr:ss:F fremovexattr:ds:D tkill:dd:SP "
    "time:x futex:xxdxxd sched_setaffinity:dlx sched_getaffinity:dlx set_thread_area:x io_setup:dx:M io_destroy:x:M "
    "io_getevents:xllxx io_submit:xlx io_cancel:xxx get_thread_area:x lookup_dcookie:xxl:F epoll_create:d:D "
    "epoll_ctl_old epoll_wait_old remap_file_pages:xlxlx:M getdents64:dxl:D set_tid_address:x restart_syscall "
    "semtimedop:dxlx:I fadvise64:dlld:D timer_create:dxx timer_settime:dxxx timer_gettime:dx timer_getoverrun:d "
    "timer_delete:d clock_settime:dx clock_gettime:dx clock_getres:dx clock_nanosleep:dxxx exit_group:d:P "
    "epoll_wait:dxdd:D epoll_ctl:dddx:D tgkill:ddd:SP utimes:sx:F vserver mbind:xldxlx:M set_mempolicy:dxl:M "
    "get_mempolicy:xxlxx:M mq_open:sxox:D mq_unlink:s mq_timedsend:dwldx:D mq_timedreceive:drlxx:D mq_notify:dx:D "
    "mq_getsetattr:dxx:D kexec_load:xlxx waitid:ddxxx:P add_key:ssxld request_key:sssd keyctl:dxxxx ioprio_set:ddx "
    "ioprio_get:dd inotify_init::D inotify_add_watch:dsx:FD inotify_rm_watch:dd:D migrate_pages:dlxx:M openat:fsxo:FD "
    "mkdirat:fso:FD mknodat:fsox:FD fchownat:fsddx:FD futimesat:fsx:FD newfstatat:fsxx:FD unlinkat:fsx:FD "
    "renameat:fsfs:FD linkat:fsfsx:FD symlinkat:sfs:FD readlinkat:fsrl:FD fchmodat:fso:FD faccessat:fso:FD "
    "pselect6:dxxxxx:D ppoll:xlxxl:D unshare:x:P set_robust_list:xl get_robust_list:dxx splice:dxdxlx:D tee:ddlx:D "
    "sync_file_range:dllx:D vmsplice:dxlx:D move_pages:dlxxxx:M utimensat:fsxx:FD epoll_pwait:dxddxl:D signalfd:dxl:DS "
    "timerfd_create:dx:D eventfd:d:D fallocate:dxll:D timerfd_settime:dxxx:D timerfd_gettime:dx:D accept4:dxxx:N "
    "signalfd4:dxlx:DS eventfd2:dx:D epoll_create1:x:D dup3:ddx:D pipe2:xx:D inotify_init1:x:D preadv:dxlll:D "
    "pwritev:dxlll:D rt_tgsigqueueinfo:dddx:SP perf_event_open:xdddx:D recvmmsg:dxlxx:N fanotify_init:xx:D "
    "fanotify_mark:dxxfs:FD prlimit64:ddxx name_to_handle_at:fsxxx:FD open_by_handle_at:dxx:D clock_adjtime:dx "
    "syncfs:d:D sendmmsg:dxlx:N setns:dx:DP getcpu:xxx process_vm_readv:dxlxlx process_vm_writev:dxlxlx kcmp:ddxxx "
    "finit_module:dsx:D sched_setattr:dxx sched_getattr:dxxx renameat2:fsfsx:FD seccomp:xxx getrandom:xlx "
    "memfd_create:sx:D kexec_file_load:ddlsx:D bpf:dxl:D execveat:fsvxx:FDP userfaultfd:x:D membarrier:dxd "
    "mlock2:xlx:M copy_file_range:dxdxlx:D preadv2:dxlllx:D pwritev2:dxlllx:D pkey_mprotect:xlxd:M pkey_alloc:xx "
    "pkey_free:d statx:fsxxx:FD io_pgetevents:xllxxx rseq:xlxx";

static const char second[] =
    "pidfd_send_signal:ddxx:DSP io_uring_setup:dx:D io_uring_enter:dddxxl:D io_uring_register:dxxd:DM open_tree:fsx:FD "
    "move_mount:fsfsx:FD fsopen:sx:D fsconfig:dxsxd:FD fsmount:dxx:D fspick:fsx:FD pidfd_open:dx:D clone3:xl:P "
    "close_range:ddx:D openat2:fsxl:FD pidfd_getfd:ddx:D faccessat2:fsox:FD process_madvise:dxldx:DM "
    "epoll_pwait2:dxdxxl:D mount_setattr:fsxxl:FD quotactl_fd:dxdx:D landlock_create_ruleset:xlx:D "
    "landlock_add_rule:ddxx:D landlock_restrict_self:dx:D memfd_secret:x:D process_mrelease:dx:D "
    "futex_waitv:xdxxd set_mempolicy_home_node:xlxx:M";

/* The number of words before `end`, or in all of the text. */
static size_t count_words(const char *text)
{
    size_t count = 1;
    for (; *text; text++)
        count += *text == ' ';
    return count;
}

size_t syscall_count(void)
{
    return FIRST_OF_SECOND + count_words(second);
}

/* Copy up to one of `ends` into `field`. Returns what follows. */
static const char *take_field(const char *text, char *field, size_t room)
{
    size_t length = strcspn(text, ": ");
    snprintf(field, room, "%.*s", (int)length, text);
    return text[length] == ':' ? text + length + 1 : text + length;
}

bool syscall_find(uint64_t number, struct syscall_entry *entry)
{
    bool is_second = number >= FIRST_OF_SECOND;
    const char *text = is_second ? second : first;
    size_t left = (size_t)(is_second ? number - FIRST_OF_SECOND : number);
    *entry = (struct syscall_entry){.arguments = "xxxxxx"};
    snprintf(entry->name, sizeof entry->name, "syscall_%llu", (unsigned long long)number);
    if (left >= count_words(text))
        return false;
    while (left--)
        text = strchr(text, ' ') + 1;
    text = take_field(text, entry->name, sizeof entry->name);
    text = take_field(text, entry->arguments, sizeof entry->arguments);
    take_field(text, entry->classes, sizeof entry->classes);
    return true;
}

char syscall_class(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(name, classes[i].name) == 0)
            return classes[i].letter;
    return 0;
}
