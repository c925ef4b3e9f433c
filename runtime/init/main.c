/* The C-runtime of the `linux` target: the first program the kernel enters (docs/runtime.md). */

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../common/policy.h"
#include "app.h"
#include "control.h"
#include "files.h"
#include "helpers.h"
#include "input.h"
#include "log.h"
#include "memory.h"
#include "mounts.h"
#include "protect.h"
#include "relay.h"
#include "rootfs.h"
#include "system.h"
#include "tee_call.h"
#include "tee_requests.h"
#include "tee_trust.h"

static int open_lines(struct relay_lines *lines, struct olos_error *error)
{
    lines->children = relay_prepare(error);
    lines->slots = input_open(error);
    lines->stdout_line = line_open(CONTROL_STDOUT, O_NONBLOCK, error);
    lines->stderr_line = line_open(CONTROL_STDERR, O_NONBLOCK, error);
    return lines->children < 0 || lines->slots < 0 || lines->stdout_line < 0 || lines->stderr_line < 0 ? -1 : tee_call_open(error);
}

/* From the bare kernel to a root file system in which the app can start. */
static int set_up(const struct olos_manifest *manifest, const struct run *run, int *devices,
                  struct olos_error *error)
{
    if (helpers_disable(error) || modules_load(error) || mounts_open(&manifest->policy, error) ||
        rootfs_enter(&manifest->rootfs, &run->rootfs, error) ||
        system_set_up(manifest, devices, error) || files_write(manifest, run, error) ||
        tee_trust_load(error))
        return -1;
    tee_requests_prepare(manifest->app.hostname);
    return system_seal(&manifest->policy, error);
}

static void tell_of_start(const struct command *command)
{
    const struct olos_app *app = command->app;
    log_info("user %" PRIu32 ":%" PRIu32 ", %zu more groups, working directory %s", app->uid, app->gid,
             app->group_count, app->cwd);
    log_info("limits: %zu of policy.rlimits", command->policy->rlimit_count);
    log_info("start of %s", command->args[0]);
}

static int run_app(struct relay_lines *lines, struct olos_error *error)
{
    struct olos_manifest manifest = {0};
    struct run run = {0};
    struct streams streams;
    struct olos_invocation invocation;
    struct command command;
    if (open_lines(lines, error) || run_load(&manifest, &run, error))
        return -1;
    log_open(lines->control, manifest.policy.log_level);
    if (policy_apply(&manifest, &run.args, &run.env, &invocation, error) ||
        set_up(&manifest, &run, &command.devices, error) || streams_open(&run, &manifest.app, &streams, error) ||
        protect_init(error))
        return -1;
    command.args = invocation.args.items;
    command.env = app_environment(&invocation.env, &manifest.app, run.tty);
    command.app = &manifest.app;
    command.policy = &manifest.policy;
    command.trace = run.traced ? &run.trace : NULL;
    command.tty = run.tty;
    lines->memory = memory_open();
    tell_of_start(&command);
    control_await_go(lines->control);
    pid_t app = app_start(&command, &streams, error);
    if (app < 0)
        return -1;
    control_send(lines->control, (struct control_frame){.kind = CONTROL_STARTED});
    relay(lines, &streams, app, run.tty);
}

int main(void)
{
    struct olos_error error;
    struct relay_lines lines;
    umask(022);
    /* The kernel's console is its log: what init says there reaches a person when nothing else does. */
    if ((lines.control = control_open(&error)) < 0)
        olos_die(&error);
    run_app(&lines, &error);
    control_fail(lines.control, &error);
}
