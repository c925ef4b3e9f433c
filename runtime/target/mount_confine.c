#include "mount_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MAX_INSTRUCTIONS 128

#define RIGHTS_TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_TO_WRITE                                                                                        \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |          \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_FIFO |                \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define RIGHTS_OF_NOBODY                                                                                       \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |               \
     LANDLOCK_ACCESS_FS_MAKE_SOCK)

/* Before this version of Landlock nothing can be moved from one directory to another. */
#define LANDLOCK_WITH_REFER 2

static const unsigned reading[] = {
    SYS_read, SYS_write, SYS_pread64, SYS_close, SYS_openat, SYS_fstat, SYS_newfstatat, SYS_fstatfs,
    SYS_readlinkat, SYS_getdents64, SYS_lseek, SYS_fsync, SYS_fdatasync, SYS_exit_group, SYS_rt_sigreturn,
};

static const unsigned writing[] = {
    SYS_pwrite64, SYS_ftruncate, SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat,
    SYS_unlinkat, SYS_renameat2, SYS_fchmodat, SYS_utimensat,
};

struct filter {
    struct sock_filter code[MAX_INSTRUCTIONS];
    unsigned short count;
};

static void add(struct filter *filter, struct sock_filter instruction)
{
    if (filter->count == MAX_INSTRUCTIONS)
        die(OLOS_FAILED, "the system call filter of the mount server is too long");
    filter->code[filter->count++] = instruction;
}

static void allow_all(struct filter *filter, const unsigned *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1));
        add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
}

/* openat that writes or makes nothing; the number of the call is loaded, and is not needed again. */
static void refuse_opening_to_write(struct filter *filter)
{
    const uint32_t refused = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4));
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, refused, 0, 1));
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

static int filter_calls(bool writes)
{
    static struct filter filter;
    add(&filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    add(&filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    add(&filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    if (!writes)
        refuse_opening_to_write(&filter);
    allow_all(&filter, reading, COUNT(reading));
    if (writes)
        allow_all(&filter, writing, COUNT(writing));
    add(&filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    struct sock_fprog program = {filter.count, filter.code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* Returns 0, or -1: then there is one wall less. */
static int fence(const struct mount_service *service)
{
    struct landlock_ruleset_attr all = {.handled_access_fs = RIGHTS_TO_READ | RIGHTS_TO_WRITE | RIGHTS_OF_NOBODY};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < LANDLOCK_WITH_REFER)
        return -1;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules < 0)
        return -1;
    int code = 0;
    for (size_t i = 0; i < service->count && !code; i++) {
        const struct mount_share *share = &service->shares[i];
        struct landlock_path_beneath_attr rule = {
            .allowed_access = RIGHTS_TO_READ | (share->read_only ? 0 : RIGHTS_TO_WRITE), .parent_fd = share->root};
        code = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    if (!code)
        code = (int)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return code;
}

uint32_t mount_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data))
        return 0;
    return data[0].effective & (1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER);
}

static int keep_rights(uint32_t rights)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = rights, .permitted = rights}};
    return (int)syscall(SYS_capset, &header, data);
}

/* Into a directory that is empty on every system: no path leads anywhere then. Where this is not allowed, there is
   one wall less. */
static int leave_root(void)
{
    return chdir("/proc/tty/ldisc") ? -1 : chroot(".");
}

static int limit(void)
{
    const struct rlimit none = {0, 0};
    signal(SIGXFSZ, SIG_IGN); /* a file that is too large is an error of the app's */
    return setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 : 0;
}

int mount_confine(const struct mount_service *service)
{
    bool writes = false;
    for (size_t i = 0; i < service->count; i++)
        writes = writes || !service->shares[i].read_only;
    (void)!leave_root();
    if (keep_rights(service->rights) || limit())
        return -1;
    fence(service);
    return filter_calls(writes);
}
