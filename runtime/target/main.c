/* The target program of the `linux` target: answers for the package, or runs the app (docs/runtime.md). */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/mrenclave.h"
#include "../common/policy.h"
#include "../common/trace_filter.h"
#include "answer.h"
#include "boot.h"
#include "doctor.h"
#include "host_limits.h"
#include "options.h"
#include "session.h"
#include "sigstruct.h"
#include "tee.h"

extern char **environ;

/* What a caller may have left in another state than usual. A closed stream is none of the app's concern, but what we
   answer would be lost: then it cannot be written. Returns the package's descriptor, which is none of the first three. */
static int settle(int package, bool runs)
{
    signal(SIGCHLD, SIG_DFL);
    if (package >= 0 && package <= STDERR_FILENO) {
        int moved = fcntl(package, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(package);
        package = moved;
    }
    const int modes[] = {O_RDONLY, runs ? O_WRONLY : O_RDONLY, O_WRONLY};
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            exit(OLOS_FAILED); /* there is nowhere to say why */
    return package;
}

/* Nor are other descriptors that the caller has left open. */
static void hide_descriptors(int package)
{
    DIR *open_files = opendir("/proc/self/fd");
    if (!open_files)
        die(OLOS_FAILED, "/proc/self/fd cannot be read: %s\n  hint: the host must have /proc mounted", strerror(errno));
    for (struct dirent *entry; (entry = readdir(open_files));) {
        int fd = atoi(entry->d_name);
        if (fd > STDERR_FILENO && fd != package)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    closedir(open_files);
}

/* Who the app is, computed from what lies there. */
struct who {
    uint8_t measurement[32], signer[32];
    bool is_signed;
};

static int write_run(struct text *run, const struct olos_options *options, const struct olos_policy *policy,
                     const struct who *who, const struct olos_file *rootfs,
                     const struct terminal *terminal, struct olos_error *error)
{
    char digits[65];
    uint16_t columns = 0, rows = 0;
    struct olos_texts args = {options->arg_count, options->args}, env = policy_host_env(policy, environ);
    hex_sha256(who->measurement, digits);
    if (terminal->used)
        terminal_size(&columns, &rows);
    text_append(run, "{\"args\":");
    if (text_append_list(run, &args, "argument", error))
        return -1;
    text_append(run, ",\"columns\":%u,\"env\":", columns);
    if (text_append_list(run, &env, "environment variable", error))
        return -1;
    text_append(run, ",\"measurement\":\"%s\",\"rootfs_offset\":%" PRIu64 ",\"rootfs_size\":%" PRIu64, digits,
                rootfs->offset, rootfs->size);
    text_append(run, ",\"rows\":%u", rows);
    if (who->is_signed) {
        hex_sha256(who->signer, digits);
        text_append(run, ",\"signer\":\"%s\"", digits);
    }
    if (options->trace) /* a list that has been read consists of letters that need no escape */
        text_append(run, ",\"trace\":\"%s\",\"trace_failed\":%s", options->trace,
                    options->trace_failed ? "true" : "false");
    text_append(run, ",\"tty\":%s,\"tty_stderr\":%s}", terminal->used ? "true" : "false",
                terminal->used && isatty(STDERR_FILENO) ? "true" : "false");
    return 0;
}

static int check_policy(const struct olos_options *options, const struct olos_manifest *manifest,
                        struct olos_error *error)
{
    struct olos_texts args = {options->arg_count, options->args};
    struct olos_texts env = policy_host_env(&manifest->policy, environ);
    struct olos_invocation unused;
    struct trace_filter filter;
    if (policy_check_supported(&manifest->policy, error) ||
        policy_check_debug(&manifest->policy, options->trace ? "--olos-trace" : NULL, error) ||
        policy_check_debug(&manifest->policy, options->gdb ? "--olos-gdb" : NULL, error) ||
        (options->trace && trace_filter_read(&filter, options->trace, error)))
        return -1;
    return policy_apply(manifest, &args, &env, &unused, error);
}

static int measure(const struct olos_options *options, const struct olos_manifest *manifest,
                   uint8_t measurement[32], struct olos_error *error)
{
    uint8_t expected[32];
    olos_measurement(manifest, measurement);
    if (!options->expected || unhex_sha256(options->expected, expected) ||
        memcmp(expected, measurement, sizeof expected) == 0)
        return 0;
    return olos_mismatch_sha256(error, expected, measurement, "measurement");
}

static int identify(const struct olos_options *options, const struct olos_layout *layout,
                    const struct olos_manifest *manifest, struct who *who, struct olos_error *error)
{
    if (measure(options, manifest, who->measurement, error) ||
        sigstruct_check(layout, &manifest->policy, who->measurement, &who->is_signed, who->signer, error))
        return -1;
    tee_prepare(&manifest->policy, who->measurement, who->is_signed ? who->signer : NULL);
    return 0;
}

static int run(const struct olos_options *options, const struct olos_layout *layout, struct olos_error *error)
{
    struct olos_loaded_manifest loaded;
    struct boot boot;
    struct terminal terminal;
    static struct network network;
    struct text text = {0};
    struct mount_sources mounts;
    struct outcome outcome;
    struct who who;
    if (layout_load_manifest(layout, &loaded, error) ||
        identify(options, layout, &loaded.manifest, &who, error) ||
        check_policy(options, &loaded.manifest, error) ||
        limits_prepare(loaded.manifest.policy.memory, error) ||
        mount_sources_open(&mounts, &loaded.manifest.policy, &options->mounts, error))
        return -1;
    const struct olos_file *rootfs = boot_check_rootfs(layout, &loaded.manifest.rootfs, error);
    terminal_find(&terminal);
    if (!rootfs ||
        write_run(&text, options, &loaded.manifest.policy, &who, rootfs, &terminal, error) ||
        network_open(&network, &options->publications, options->host_loopback, &loaded.manifest.policy, error) ||
        boot_load(&boot, layout, &loaded, &text, error))
        return -1;
    const struct session_options session = {
        &boot, &loaded.manifest, &terminal, options->stop_seconds, options->gdb, &mounts, &network};
    if (session_run(&session, &outcome, error))
        return -1;
    outcome_exit(&outcome);
}

static int act(const struct olos_options *options, const struct olos_layout *layout, struct olos_error *error)
{
    switch (options->action) {
    case ACTION_DOCTOR:
        return answer_doctor(layout, error);
    case ACTION_HELP:
        return answer_help(error);
    case ACTION_MANIFEST:
        return answer_manifest(layout, error);
    case ACTION_MEASURE:
        return answer_measure(layout, error);
    case ACTION_SIM_ROOT:
        return tee_print_root(error);
    case ACTION_UNPACK:
        return answer_unpack(layout, options->value, error);
    case ACTION_VERIFY:
        return answer_verify(layout, options->value, error);
    case ACTION_RUN:
        break;
    }
    return run(options, layout, error);
}

/* The caller would get at what another user may read, by host mounts for one. */
static void refuse_rights_of_others(void)
{
    if (getuid() != geteuid() || getgid() != getegid())
        die(OLOS_USAGE, "the package has the rights of another user\n"
                        "  hint: take them away with 'chmod u-s,g-s'; sudo runs it as another user");
}

int main(int argc, char **argv)
{
    struct olos_options options;
    static struct olos_layout layout;
    struct olos_error error;
    refuse_rights_of_others();
    if (options_read(&options, argc, argv, &error))
        olos_die(&error);
    options.package_fd = settle(options.package_fd, options.action == ACTION_RUN);
    if (options.action != ACTION_DOCTOR) /* who says what is wrong with /proc */
        hide_descriptors(options.package_fd);
    bool given = options.directory || options.package_fd >= 0;
    if (options.directory ? layout_open_directory(&layout, options.directory, &error)
                          : given && package_open(&layout, options.package_fd, &error))
        olos_die(&error);
    if (act(&options, given ? &layout : NULL, &error))
        olos_die(&error);
    return 0;
}
