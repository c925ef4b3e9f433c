#include "filter.h"

#include <asm/ptrace-abi.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../common/util.h"
#include "../include/olos/tcall.h"

#define MAX_TESTS 2

struct test {
    enum { PASS, IS_ONE_OF, IS_POSITIVE } kind;
    unsigned argument;
    unsigned count;
    const uint32_t *values;
};

struct tcall {
    uint32_t number;
    struct test tests[MAX_TESTS];
};

#define LIST(...) (const uint32_t[]){__VA_ARGS__}
#define ANY {0}
#define POSITIVE(n) {.kind = IS_POSITIVE, .argument = (n)}
#define ONE_OF(n, ...)                                                                           \
    {.kind = IS_ONE_OF, .argument = (n), .count = sizeof LIST(__VA_ARGS__) / sizeof(uint32_t), \
     .values = LIST(__VA_ARGS__)}
#define ROW(name, first, second, why) {.number = SYS_##name, .tests = {first, second}},
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct tcall running[] = {TCALLS_RUNNING(ROW)}, network[] = {TCALLS_NETWORK(ROW)}, entering[] = {TCALLS_ENTERING(ROW)},
                          booting[] = {TCALLS_BOOTING(ROW)};

static void add(struct filter *filter, struct sock_filter instruction)
{
    if (filter->count == FILTER_ROOM)
        die(OLOS_FAILED, "the system call filter is too long");
    filter->code[filter->count++] = instruction;
}

static void load(struct filter *filter, size_t offset)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void decide(struct filter *filter, uint32_t action)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void jump(struct filter *filter, uint16_t condition, uint32_t value, size_t if_so, size_t if_not)
{
    struct sock_filter code = BPF_JUMP(BPF_JMP | condition | BPF_K, value, (uint8_t)if_so, (uint8_t)if_not);
    add(filter, code);
}

static uint32_t meaning(const struct filter *filter, uint32_t value)
{
    switch (value) {
    case TCALL_SELF:
        return (uint32_t)getpid();
    case TCALL_CHANNEL:
        return (uint32_t)filter->channel;
    case TCALL_FRAMES:
        return (uint32_t)filter->frames;
    default:
        return value;
    }
}

static size_t length_of_test(const struct test *test)
{
    static const size_t of_positive = 3;
    return test->kind == PASS ? 0 : test->kind == IS_POSITIVE ? of_positive : 1 + test->count;
}

/* Goes on behind the test if it passes, else `rest` instructions further. The lower half of an argument is
   what a system call takes as an int. */
static void add_test(struct filter *filter, const struct test *test, size_t rest)
{
    if (test->kind == PASS)
        return;
    load(filter, offsetof(struct seccomp_data, args) + 8 * test->argument);
    if (test->kind == IS_POSITIVE) {
        jump(filter, BPF_JEQ, 0, 1 + rest, 0);
        jump(filter, BPF_JSET, 0x80000000u, rest, 0);
    }
    for (unsigned i = 0; i < test->count; i++) {
        size_t left = test->count - 1 - i;
        jump(filter, BPF_JEQ, meaning(filter, test->values[i]), left, left ? 0 : rest);
    }
}

/* Needs the number loaded, and leaves it so. */
static void add_call(struct filter *filter, const struct tcall *call, uint32_t action)
{
    size_t first = length_of_test(&call->tests[0]), second = length_of_test(&call->tests[1]);
    bool tested = first + second > 0;
    jump(filter, BPF_JEQ, call->number, 0, first + second + (tested ? 2 : 1));
    add_test(filter, &call->tests[0], second + 1);
    add_test(filter, &call->tests[1], 1);
    decide(filter, action);
    if (tested)
        load(filter, offsetof(struct seccomp_data, nr));
}

static void add_calls(struct filter *filter, const struct tcall *calls, size_t count, uint32_t action)
{
    for (size_t i = 0; i < count; i++)
        add_call(filter, &calls[i], action);
}

/* What is left to decide is the number of the system call. */
static void begin(struct filter *filter)
{
    filter->count = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    jump(filter, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
    decide(filter, SECCOMP_RET_KILL_PROCESS);
    load(filter, offsetof(struct seccomp_data, nr));
}

void filter_make(struct filter *filter, int channel, int frames, uint32_t at_boot)
{
    begin(filter);
    filter->channel = channel;
    filter->frames = frames;
    add_calls(filter, running, COUNT(running), SECCOMP_RET_ALLOW);
    if (frames >= 0)
        add_calls(filter, network, COUNT(network), SECCOMP_RET_ALLOW);
    add_calls(filter, entering, COUNT(entering), SECCOMP_RET_ALLOW);
    add_calls(filter, booting, COUNT(booting), at_boot);
    decide(filter, SECCOMP_RET_ERRNO | EPERM);
}

void filter_make_plain(struct filter *filter, const uint32_t *numbers, size_t count)
{
    begin(filter);
    for (size_t i = 0; i < count; i++)
        add_call(filter, &(struct tcall){.number = numbers[i]}, SECCOMP_RET_ALLOW);
    decide(filter, SECCOMP_RET_KILL_PROCESS);
}
