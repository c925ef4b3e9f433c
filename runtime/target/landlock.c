#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h of Linux 6.12; older headers lack what newer kernels have. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define GET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define WRITE_FILE (1u << 1)
#define READ_FILE (1u << 2)
#define REMOVE_FILE (1u << 5)
#define MAKE_REG (1u << 8)
#define TRUNCATE (1u << 14)

struct ruleset {
    uint64_t files, network, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* All that each version can deny. */
static const struct ruleset versions[] = {
    {0x1fff, 0, 0}, {0x3fff, 0, 0}, {0x7fff, 0, 0}, {0x7fff, 3, 0}, {0xffff, 3, 0}, {0xffff, 3, 3},
};

#define VERSIONS (sizeof versions / sizeof *versions)

/* What the kernel looks at when it boots: streams that are none, random numbers, the host's processor. */
static const struct {
    const char *path;
    uint32_t allowed;
} files[] = {
    {"/dev/null", READ_FILE | WRITE_FILE},
    {"/dev/random", READ_FILE},
    {"/proc/cpuinfo", READ_FILE},
};

static int allow(int rules, const struct ruleset *handled, int place, uint64_t allowed)
{
    struct path_beneath rule = {handled->files & allowed, place};
    if (syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0u) == 0 || errno == EBADFD)
        return 0; /* EBADFD: a file in memory is never denied */
    return -1;
}

static int allow_path(int rules, const struct ruleset *handled, const char *path, uint64_t allowed)
{
    int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0)
        return errno == ENOENT ? 0 : -1;
    int result = allow(rules, handled, place, allowed);
    close(place);
    return result;
}

static int allow_all(int rules, const struct ruleset *handled, int package, const char *memory_directory)
{
    const uint64_t memory = READ_FILE | WRITE_FILE | MAKE_REG | REMOVE_FILE | TRUNCATE;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (allow_path(rules, handled, files[i].path, files[i].allowed))
            return -1;
    if (allow(rules, handled, package, READ_FILE))
        return -1;
    return allow_path(rules, handled, memory_directory, memory);
}

int landlock_enter(int package, const char *memory_directory)
{
    long version = syscall(CREATE_RULESET, NULL, (size_t)0, GET_VERSION);
    if (version < 1)
        return 0; /* not in this kernel, or switched off */
    const struct ruleset *handled = &versions[(size_t)version < VERSIONS ? (size_t)version - 1 : VERSIONS - 1];
    int rules = (int)syscall(CREATE_RULESET, handled, sizeof *handled, 0u);
    if (rules < 0)
        return -1;
    int result = allow_all(rules, handled, package, memory_directory);
    if (!result)
        result = (int)syscall(RESTRICT_SELF, rules, 0u);
    close(rules);
    return result;
}
