/* What an app tries in order to get out of its place, one attempt per line of standard input; prints for each the
   line, a tab, and the outcome: a number, errno negated if it failed.

     call NUMBER ARGUMENT…    a system call (attempt.h)
     read PATH, write PATH    one byte of a file
     list PATH                a directory
     node TYPE MAJOR MINOR    make a device and open it
     peek PID, poke PID       the beginning of a static program in a process
     steal PID FD             a descriptor of another process
     ring TYPE MAJOR MINOR    open a device by io_uring
     search PATH TEXT         files that hold it, with the first of them on standard error
     above                    leave a chroot upwards, and look for what init has left behind
     modprobe                 have the kernel start a program of ours */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK "/tmp/started-by-the-kernel"
#define SECONDS 5

static long result(long value)
{
    return value < 0 ? -errno : value;
}

static long try_call(char *words)
{
    static char pages[MAX_ARGUMENTS][PAGE];
    struct attempt attempt = attempt_read(words);
    long v[MAX_ARGUMENTS];
    for (int i = 0; i < MAX_ARGUMENTS; i++)
        v[i] = attempt.texts[i] ? (long)strcpy(pages[i], attempt.texts[i]) : attempt.values[i];
    return result(syscall(attempt.number, v[0], v[1], v[2], v[3], v[4], v[5]));
}

static long try_read(char *path)
{
    char byte;
    int file = open(path, O_RDONLY | O_NONBLOCK);
    return result(file < 0 ? -1 : read(file, &byte, 1));
}

static long try_write(char *path)
{
    int file = open(path, O_WRONLY | O_NONBLOCK);
    return result(file < 0 ? -1 : write(file, "0", 1));
}

static long try_list(char *path)
{
    DIR *directory = opendir(path);
    long count = 0;
    if (!directory)
        return -errno;
    while (readdir(directory))
        count++;
    return count;
}

/* io_uring_setup(2): one ring for both queues since Linux 5.4. */
static long try_ring(const char *path)
{
    unsigned parameters[30] = {0};
    enum { OPENAT = 18, FEATURES = 5, SQ_TAIL = 11, SQ_ARRAY = 16, CQES = 25 };
    int ring = (int)syscall(SYS_io_uring_setup, 4, parameters);
    if (ring < 0)
        return -errno;
    char *queues = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
    uint8_t *entry = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0x10000000);
    if (queues == MAP_FAILED || entry == (void *)MAP_FAILED)
        return -errno;
    entry[0] = OPENAT;
    *(int32_t *)(entry + 4) = AT_FDCWD;
    *(uint64_t *)(entry + 16) = (uint64_t)path;
    *(uint32_t *)(entry + 28) = O_RDONLY | O_NONBLOCK;
    *(unsigned *)(queues + parameters[SQ_ARRAY]) = 0;
    *(unsigned *)(queues + parameters[SQ_TAIL]) = 1;
    if (syscall(SYS_io_uring_enter, ring, 1, 1, 1, NULL, 0) != 1)
        return -errno;
    return *(int32_t *)(queues + parameters[CQES] + 8);
}

static long try_node(char *words, int by_ring)
{
    char path[] = "/tmp/node-XXXXXX", type;
    unsigned major, minor;
    if (sscanf(words, "%c %u %u", &type, &major, &minor) != 3 || !mktemp(path))
        return -EINVAL;
    if (mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(major, minor)))
        return -errno;
    long value = by_ring ? try_ring(path) : result(open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    unlink(path);
    return value;
}

static long try_memory(long number, char *words)
{
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
    return result(syscall(number, strtol(words, NULL, 0), &here, 1, &there, 1, 0));
}

static long try_steal(char *words)
{
    int pid, fd;
    if (sscanf(words, "%d %d", &pid, &fd) != 2)
        return -EINVAL;
    long process = syscall(SYS_pidfd_open, pid, 0);
    return result(process < 0 ? -1 : syscall(SYS_pidfd_getfd, process, fd, 0));
}

static const char *sought;
static long found;

static int search(const char *path, const struct stat *status, int type, struct FTW *place)
{
    static char data[1 << 16];
    (void)place;
    if (type != FTW_F || !S_ISREG(status->st_mode))
        return 0;
    int file = open(path, O_RDONLY | O_NONBLOCK);
    ssize_t size = file < 0 ? 0 : read(file, data, sizeof data);
    close(file);
    if (size > 0 && memmem(data, (size_t)size, sought, strlen(sought)) && found++ == 0)
        fprintf(stderr, "%s has %s\n", path, sought);
    return 0;
}

static long try_search(char *words)
{
    char *rest, *path = strtok_r(words, " ", &rest);
    sought = rest;
    alarm(SECONDS * 6);
    return nftw(path, search, 16, FTW_PHYS | FTW_MOUNT) < 0 ? -errno : found;
}

static long try_above(void)
{
    static const char *const left[] = {"init", "olos", "modules", "lower", "upper"};
    long found = 0;
    if ((mkdir("/tmp/jail", 0755) && errno != EEXIST) || chroot("/tmp/jail"))
        return -errno;
    for (int i = 0; i < 64; i++)
        if (chdir(".."))
            return -errno;
    if (chroot("."))
        return -errno;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        found += access(left[i], F_OK) == 0;
    return found;
}

static void write_program(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT, 0755);
    if (file >= 0)
        (void)!write(file, text, strlen(text));
    close(file);
}

/* A program of an unknown format, and sockets of families that nobody has loaded, make the kernel look for a
   module. The program that it starts then has all rights. */
static long try_modprobe(void)
{
    static const int families[] = {AF_APPLETALK, AF_X25, AF_RDS, AF_TIPC, AF_SMC, AF_VSOCK, AF_ALG};
    mkdir("/sbin", 0755);
    write_program("/sbin/modprobe", "#!/bin/sh\nexec touch " MARK "\n");
    write_program("/tmp/unknown", "\xff\xfe\xfd\xfc");
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        socket(families[i], SOCK_STREAM, 0);
    if (fork() == 0)
        _exit(execl("/tmp/unknown", "unknown", (char *)NULL));
    wait(NULL);
    return access(MARK, F_OK) == 0;
}

static long try(char *line)
{
    char *rest, *verb = strtok_r(line, " ", &rest);
    if (strcmp(verb, "call") == 0)
        return try_call(rest);
    if (strcmp(verb, "read") == 0)
        return try_read(rest);
    if (strcmp(verb, "write") == 0)
        return try_write(rest);
    if (strcmp(verb, "list") == 0)
        return try_list(rest);
    if (strcmp(verb, "node") == 0)
        return try_node(rest, 0);
    if (strcmp(verb, "ring") == 0)
        return try_node(rest, 1);
    if (strcmp(verb, "peek") == 0)
        return try_memory(SYS_process_vm_readv, rest);
    if (strcmp(verb, "poke") == 0)
        return try_memory(SYS_process_vm_writev, rest);
    if (strcmp(verb, "steal") == 0)
        return try_steal(rest);
    if (strcmp(verb, "search") == 0)
        return try_search(rest);
    if (strcmp(verb, "above") == 0)
        return try_above();
    if (strcmp(verb, "modprobe") == 0)
        return try_modprobe();
    return -EINVAL;
}

int main(void)
{
    char line[512], copy[sizeof line];
    while (line_read(line, sizeof line)) {
        int report[2], status;
        long value = 0;
        fflush(stdout);
        if (pipe(report))
            return 1;
        pid_t child = fork();
        if (child == 0) {
            alarm(SECONDS);
            long outcome = try(strcpy(copy, line));
            _exit(write(report[1], &outcome, sizeof outcome) != sizeof outcome);
        }
        close(report[1]);
        if (read(report[0], &value, sizeof value) == sizeof value)
            printf("%s\t%ld\n", line, value);
        else
            printf("%s\tended\n", line);
        close(report[0]);
        if (waitpid(child, &status, 0) != child)
            return 1;
    }
    return 0;
}
