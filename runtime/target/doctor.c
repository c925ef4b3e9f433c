#include "doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "../common/sha256.h"
#include "../common/util.h"
#include "app_memory.h"
#include "cgroup.h"
#include "host_limits.h"
#include "passt.h"
#include "probes.h"

#define MIB (UINT64_C(1) << 20)
#define LEAST_MEMORY (64 * MIB)  /* that a policy can give */
#define OLDEST_TIME 1577836800   /* 2020-01-01; a clock that says less has not been set */
#define TMPFS_MAGIC 0x01021994
#define HINT "\n  hint: "

enum health { OK, LIMITED, MISSING };

struct finding {
    enum health health;
    char what[320];
    const char *cost, *cure; /* or NULL */
};

struct host {
    bool package;
    bool outgoing, ports; /* the policy allows them */
    uint64_t memory; /* of the app by its policy; without a package the least that a policy can give */
    enum confine_ability filter;
};

static void find(struct finding *finding, enum health health, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void find(struct finding *finding, enum health health, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    finding->health = health;
    vsnprintf(finding->what, sizeof finding->what, format, arguments);
    va_end(arguments);
    make_visible(finding->what); /* names of directories may hold anything */
}

/* An error of another part, as it stands: "text\n  hint: cure". */
static void find_error(struct finding *finding, struct olos_error *error)
{
    char *hint = strstr(error->text, HINT);
    if (hint) {
        *hint = 0;
        finding->cure = hint + strlen(HINT);
    }
    find(finding, MISSING, "%s", error->text);
}

/* ---- what must be there ---- */

static void check_proc(const struct host *host, struct finding *finding)
{
    (void)host;
    find(finding, OK, "mounted");
    if (access("/proc/self/fd", R_OK | X_OK)) {
        find(finding, MISSING, "/proc/self/fd: %s", strerror(errno));
        finding->cure = "mount -t proc proc /proc";
    }
}

static void check_null(const struct host *host, struct finding *finding)
{
    (void)host;
    find(finding, OK, "there");
    if (access("/dev/null", R_OK | W_OK)) {
        find(finding, MISSING, "%s", strerror(errno));
        finding->cure = "make it: mknod -m 666 /dev/null c 1 3";
    }
}

static void check_programs(const struct host *host, struct finding *finding)
{
    (void)host;
    int error = probe_program_in_memory();
    find(finding, error ? MISSING : OK, error ? "files in memory cannot be executed: %s" : "start from memory",
         strerror(error));
    if (error)
        finding->cure = "sysctl vm.memfd_noexec=1, or 0";
}

static void check_code(const struct host *host, struct finding *finding)
{
    (void)host;
    int error = probe_executable_memory();
    find(finding, error ? MISSING : OK, error ? "refused where it can be written: %s" : "may lie where it can be written",
         strerror(error));
    if (error)
        finding->cure = "no MemoryDenyWriteExecute=; a seccomp profile with mmap";
}

static void check_ptrace(const struct host *host, struct finding *finding)
{
    (void)host;
    int error = probe_ptrace();
    find(finding, error ? MISSING : OK, error ? "refused: %s" : "of own children works", strerror(error));
    if (error)
        finding->cure = "sysctl kernel.yama.ptrace_scope=1; a seccomp profile with ptrace";
}

static void check_filter(const struct host *host, struct finding *finding)
{
    if (host->filter >= CONFINE_ASKS) {
        find(finding, OK, "confines the kernel");
        return;
    }
    if (host->filter == CONFINE_FILTERS) {
        find(finding, LIMITED, "cannot ask the target");
        finding->cost = "the kernel keeps what booting takes, as opening files";
        finding->cure = "Linux 5.9 or later, and no filter around it that asks as well";
        return;
    }
    find(finding, MISSING, "no system call filters");
    finding->cure = "a Linux with seccomp filters, a seccomp profile that allows them";
}

static void check_limits(const struct host *host, struct finding *finding)
{
    static struct olos_error error; /* the cure points into it */
    find(finding, OK, "large enough");
    if (limits_prepare(host->memory, &error))
        find_error(finding, &error);
}

/* ---- memory ---- */

static void check_memory(const struct host *host, struct finding *finding)
{
    static struct olos_error error;
    char directory[MEMORY_DIRECTORY_ROOM];
    struct statfs system = {0};
    if (host->filter == CONFINE_SUPPLIES) {
        find(finding, OK, "files in memory; no directory is needed");
        return;
    }
    if (!memory_find_directory(directory, host->memory)) {
        memory_fail(host->memory, &error);
        find_error(finding, &error);
        return;
    }
    bool fast = statfs(directory, &system) == 0 && system.f_type == TMPFS_MAGIC;
    find(finding, fast ? OK : LIMITED, "in %s%s", directory, fast ? "" : ", which is not in memory");
    if (!fast) {
        finding->cost = "slower: the app's memory is written to disk now and then";
        finding->cure = "a /dev/shm that is large enough and not mounted noexec";
    }
}

/* A number of KiB in /proc/meminfo, as bytes; UINT64_MAX if it is not there. */
static uint64_t meminfo(const char *name)
{
    char line[128];
    uint64_t found = UINT64_MAX, value;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && found == UINT64_MAX && fgets(line, sizeof line, file)) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) == 0 && line[length] == ':' &&
            sscanf(line + length + 1, "%" SCNu64, &value) == 1)
            found = value << 10;
    }
    if (file)
        fclose(file);
    return found;
}

/* proc(5): with mode 2 no more is given out than CommitLimit. */
static uint64_t left_to_commit(void)
{
    FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
    int mode = file ? fgetc(file) : EOF;
    if (file)
        fclose(file);
    uint64_t limit = meminfo("CommitLimit"), used = meminfo("Committed_AS");
    if (mode != '2' || used == UINT64_MAX)
        return UINT64_MAX;
    return limit > used ? limit - used : 0;
}

static void check_room(const struct host *host, struct finding *finding)
{
    uint64_t available = meminfo("MemAvailable"), group = cgroup_memory(), commit = left_to_commit();
    const char *whose = "available", *cure = "end other programs, or lower policy.memory";
    if (group < available) {
        available = group;
        whose = "allowed to this container";
        cure = "raise its limit (docker run --memory), or lower policy.memory";
    }
    if (commit < available) {
        available = commit;
        whose = "left to commit";
        cure = "sysctl vm.overcommit_memory=0, or lower policy.memory";
    }
    find(finding, OK, "%" PRIu64 " MiB %s; the app may use %" PRIu64 " MiB%s", available / MIB, whose, host->memory / MIB,
         host->package ? "" : " or more");
    if (available < host->memory + LIMITS_OWN_MEMORY) {
        finding->health = LIMITED;
        finding->cost = "an app that uses all that it may is killed by the host";
        finding->cure = cure;
    }
}

/* ---- what makes it better ---- */

static void check_namespaces(const struct host *host, struct finding *finding)
{
    (void)host;
    int error = probe_namespace();
    find(finding, error ? LIMITED : OK, error ? "none for processes: %s" : "for processes", strerror(error));
    if (error) {
        finding->cost = "one wall less: the kernel could signal your other processes";
        finding->cure = "run as root, or allow user namespaces";
    }
}

static void check_processor(const struct host *host, struct finding *finding)
{
    (void)host;
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) ? 1 : CPU_COUNT(&allowed);
    bool best = sha256_available(SHA256_NI), good = sha256_available(SHA256_AVX2);
    find(finding, best ? OK : LIMITED, "%d, of which a package uses one; SHA-256 by %s", count,
         best ? "SHA-NI" : good ? "AVX2" : "plain code");
    if (!best)
        finding->cost = "start, reading and measuring are slower: hashing takes its time";
}

/* Of no use to most: only looked for, not tried. */
static void check_network(const struct host *host, struct finding *finding)
{
    static struct olos_error error;
    static struct passt passt;
    if (host->package && !host->outgoing && !host->ports) {
        find(finding, OK, "none, by policy");
        return;
    }
    find(finding, OK, "by passt");
    if (passt_find(&passt, &error) == 0)
        return;
    find_error(finding, &error);
    if (host->outgoing)
        return;
    finding->health = LIMITED;
    finding->cost = host->package ? "no port can be published" : "apps with a network cannot run, or publish no ports";
}

static void check_clock(const struct host *host, struct finding *finding)
{
    (void)host;
    time_t now = time(NULL);
    struct tm parts = {0};
    char day[32] = "";
    if (gmtime_r(&now, &parts))
        strftime(day, sizeof day, "%Y-%m-%d", &parts);
    find(finding, now < OLDEST_TIME ? LIMITED : OK, "%s", day);
    if (now < OLDEST_TIME) {
        finding->cost = "the app has this clock: certificates are not yet valid";
        finding->cure = "set it";
    }
}

static const struct {
    const char *name;
    void (*check)(const struct host *host, struct finding *finding);
} checks[] = {
    {"/proc", check_proc},       {"/dev/null", check_null},       {"programs", check_programs}, {"code", check_code},
    {"ptrace", check_ptrace},    {"filter", check_filter},        {"limits", check_limits},
    {"app's memory", check_memory}, {"room", check_room},         {"namespaces", check_namespaces},
    {"processors", check_processor}, {"network", check_network},  {"clock", check_clock},
};

static void show(FILE *out, const char *name, const struct finding *finding)
{
    static const char *const words[] = {"ok", "limited", "missing"};
    fprintf(out, "%-8s %s: %s\n", words[finding->health], name, finding->what);
    if (finding->cost)
        fprintf(out, "         cost: %s\n", finding->cost);
    if (finding->cure)
        fprintf(out, "         cure: %s\n", finding->cure);
}

static int find_policy(const struct olos_layout *layout, struct host *host, struct olos_error *error)
{
    struct olos_loaded_manifest loaded;
    if (!layout)
        return 0;
    int failed = layout_load_manifest(layout, &loaded, error);
    if (!failed) {
        host->memory = loaded.manifest.policy.memory;
        host->outgoing = loaded.manifest.policy.outgoing;
        host->ports = loaded.manifest.policy.ports.count > 0;
    }
    layout_free_manifest(&loaded);
    return failed;
}

int answer_doctor(const struct olos_layout *layout, struct olos_error *error)
{
    struct host host = {.package = layout != NULL, .memory = LEAST_MEMORY};
    unsigned missing = 0;
    if (find_policy(layout, &host, error))
        return -1;
    host.filter = probe_filter();
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct finding finding = {0};
        checks[i].check(&host, &finding);
        show(stdout, checks[i].name, &finding);
        missing += finding.health == MISSING;
    }
    if (fflush(stdout))
        return olos_fail(error, OLOS_FAILED, "standard output cannot be written: %s", strerror(errno));
    if (missing)
        return olos_fail(error, OLOS_FAILED, "this host cannot run %s: %u of these findings stand%s in the way",
                         layout ? "this package" : "packages", missing, missing == 1 ? "s" : "");
    return 0;
}
