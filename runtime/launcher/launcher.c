/* The first program of a package (docs/formats.md section 6): starts `target/linux`, which lies further
   behind in the same file, from a copy in memory.

   Freestanding: no libc, no data that needs relocation, nothing loaded behind 0x7000. x86-64 Linux. */
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_OFFSET 0x7000
#define TABLE_SIZE 4096
#define FIRST_BYTE 0x8000
#define MAX_FILES 63
#define MAX_TARGET (256 << 20)
#define EXECUTABLE 0x0010u /* MFD_EXEC, Linux 6.3 */
#define CHUNK (64 * 1024)

enum { INPUT = 3, FAILED = 125 }; /* exit codes (docs/formats.md section 6) */

struct file_record {
    char path[48];
    uint64_t offset, size;
};

struct file_table {
    char magic[16];
    uint32_t count;
    uint8_t zeros[12];
    struct file_record files[MAX_FILES];
    uint8_t unrecorded[32]; /* a digest that is for the target to check, when it is asked to */
};

_Static_assert(sizeof(struct file_table) == TABLE_SIZE, "the file table is one page");

static const char magic[16] = "olos-package-1\0";
static const char target[48] = "target/linux";

/* ---- system calls ---- */

static long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return number;
}

#define CALL1(n, a) syscall6(__NR_##n, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) syscall6(__NR_##n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) syscall6(__NR_##n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) syscall6(__NR_##n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CALL5(n, a, b, c, d, e) syscall6(__NR_##n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

/* ---- small things ---- */

static size_t length_of(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static int same(const char *a, const char *b, size_t size)
{
    while (size--)
        if (*a++ != *b++)
            return 0;
    return 1;
}

/* Write the decimal digits of a number and a final NUL. */
static void put_number(char *text, uint64_t value)
{
    char digits[20];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        *text++ = digits[--count];
    *text = 0;
}

static void say(const char *text)
{
    CALL3(write, 2, text, length_of(text));
}

static _Noreturn void leave(int code)
{
    for (;;)
        CALL1(exit_group, code);
}

static _Noreturn void die_input(const char *text)
{
    say("olos: ");
    say(text);
    say("\n");
    leave(INPUT);
}

/* `result` is the negative errno of a system call; `hint`, or NULL, is for those in which the host refuses. */
static _Noreturn void die_failed(const char *text, long result, const char *hint)
{
    int refused = result == -EACCES || result == -EPERM || result == -EFBIG;
    char number[24];
    put_number(number, (uint64_t)-result);
    say("olos: ");
    say(text);
    say(": error ");
    say(number);
    say(result == -ENOMEM || result == -ENOSPC ? " (out of memory)\n"
        : result == -EACCES || result == -EPERM ? " (not permitted)\n"
        : result == -EFBIG                      ? " (limit for the size of files)\n"
                                                : "\n");
    if (hint && refused) {
        say("  hint: ");
        say(hint);
        say("\n");
    }
    leave(FAILED);
}

static int is_again(long result)
{
    return result == -EINTR || result == -EAGAIN;
}

static long read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        long count = CALL4(pread64, fd, (char *)buffer + done, size - done, offset + done);
        if (is_again(count))
            continue;
        if (count < 0)
            return count;
        if (!count)
            break;
        done += (size_t)count;
    }
    return (long)done;
}

/* ---- the package ---- */

/* The package is the file that is running. Not close-on-exec, and not in the place of a closed standard
   stream. */
static int open_self(const char *name)
{
    long fd = CALL4(openat, AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);
    if (fd < 0 && name)
        fd = CALL4(openat, AT_FDCWD, name, O_RDONLY, 0);
    if (fd < 0)
        die_failed("the package cannot be opened for reading", fd, "who runs it must be able to read it: chmod a+r");
    if (fd <= 2) {
        long higher = CALL3(fcntl, fd, F_DUPFD, 3);
        if (higher < 0)
            die_failed("no file descriptor is left", higher, NULL);
        CALL1(close, fd);
        fd = higher;
    }
    return (int)fd;
}

static uint64_t size_of(int fd)
{
    struct statx status;
    long result = CALL5(statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &status);
    if (result == 0)
        return status.stx_size;
    result = CALL3(lseek, fd, 0, 2 /* SEEK_END */);
    if (result < 0)
        die_failed("the size of the package is not known", result, NULL);
    return (uint64_t)result;
}

static void read_table(int fd, struct file_table *table)
{
    long count = read_at(fd, table, sizeof *table, TABLE_OFFSET);
    if (count < 0)
        die_failed("the package cannot be read", count, NULL);
    if (count < TABLE_SIZE)
        die_input("the package is truncated: it ends before its file table; copy or download it again");
    if (!same(table->magic, magic, sizeof magic) || table->count < 1 || table->count > MAX_FILES)
        die_input("not a package: there is no file table at byte 28672");
}

/* Find the target program; the target itself checks the table as a whole. */
static const struct file_record *find_target(const struct file_table *table, uint64_t size)
{
    const struct file_record *found = NULL;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct file_record *file = &table->files[i];
        if (file->offset > size || file->size > size - file->offset)
            die_input("the package is truncated: it is shorter than its file table says; copy or download it "
                      "again");
        if (same(file->path, target, sizeof target))
            found = file;
    }
    if (!found)
        die_input("the package has no target/linux");
    if (found->offset < FIRST_BYTE || !found->size || found->size > MAX_TARGET)
        die_input("file table: target/linux has no valid place");
    return found;
}

/* ---- the copy in memory ---- */

/* A limit for files holds for those in memory too: raise it, and have an error instead of a signal. */
static void allow_large_files(void)
{
    const struct {
        unsigned long handler, flags, restorer, mask;
    } ignore = {.handler = (unsigned long)SIG_IGN};
    struct {
        uint64_t soft, hard;
    } limit;
    CALL4(rt_sigaction, SIGXFSZ, &ignore, NULL, sizeof ignore.mask);
    if (CALL4(prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0) {
        limit.soft = limit.hard;
        CALL4(prlimit64, 0, RLIMIT_FSIZE, &limit, NULL);
    }
}

static int memory_file(void)
{
    long fd = CALL2(memfd_create, "olos-target", MFD_CLOEXEC | EXECUTABLE);
    if (fd == -EINVAL)
        fd = CALL2(memfd_create, "olos-target", MFD_CLOEXEC);
    if (fd < 0)
        die_failed("no file can be made in memory", fd,
                   "the host must allow programs in memory: sysctl vm.memfd_noexec=1, or 0");
    return (int)fd;
}

/* For kernels without sendfile between these kinds of files. Returns how many bytes, or a negative errno. */
static long copy_some(int from, int to, uint64_t offset, uint64_t size)
{
    char buffer[CHUNK];
    long count = read_at(from, buffer, size < CHUNK ? size : CHUNK, offset);
    return count > 0 ? CALL3(write, to, buffer, count) : count;
}

static void copy(int from, int to, const struct file_record *file)
{
    uint64_t done = 0;
    while (done < file->size) {
        int64_t position = (int64_t)(file->offset + done);
        long count = CALL4(sendfile, to, from, &position, file->size - done);
        if (count == -EINVAL || count == -ENOSYS)
            count = copy_some(from, to, file->offset + done, file->size - done);
        if (is_again(count))
            continue;
        if (count < 0)
            die_failed("target/linux cannot be copied into memory", count, "ulimit -f unlimited");
        if (!count)
            die_input("the package was truncated while it was read");
        done += (uint64_t)count;
    }
}

/* ---- the start ---- */

/* argv as the target gets it: argv[0], where the package is, the caller's arguments. */
static _Noreturn void start(int package, int program, long argc, char **argv, char **envp)
{
    static const char option[] = "--olos-package-fd=";
    char text[sizeof option + 20];
    char *arguments[argc + 3];
    long count = 0;
    for (size_t i = 0; i < sizeof option; i++)
        text[i] = option[i];
    put_number(text + sizeof option - 1, (uint64_t)package);
    arguments[count++] = argc ? argv[0] : (char *)"olos";
    arguments[count++] = text;
    for (long i = 1; i < argc; i++)
        arguments[count++] = argv[i];
    arguments[count] = NULL;
    die_failed("target/linux cannot be executed", CALL5(execveat, program, "", arguments, envp, AT_EMPTY_PATH),
               "the host must allow programs in memory");
}

/* Name under which the package was started, from the auxiliary vector behind the environment. */
static const char *started_as(char **envp)
{
    while (*envp)
        envp++;
    for (const unsigned long *entry = (const unsigned long *)(envp + 1); entry[0] != AT_NULL; entry += 2)
        if (entry[0] == AT_EXECFN)
            return (const char *)entry[1];
    return NULL;
}

/* `stack` is what the kernel put there: argc, argv, NULL, envp, NULL, auxiliary vector. */
__attribute__((used)) _Noreturn void launcher(long *stack)
{
    long argc = stack[0];
    char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
    struct file_table table;
    int package = open_self(started_as(envp));
    read_table(package, &table);
    const struct file_record *file = find_target(&table, size_of(package));
    int program = memory_file();
    allow_large_files();
    copy(package, program, file);
    start(package, program, argc, argv, envp);
}

__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call launcher\n");
