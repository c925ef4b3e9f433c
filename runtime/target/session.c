#include "session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "debug.h"
#include "event_loop.h"
#include "lines.h"
#include "probes.h"
#include "signals.h"

/* What would else end the kernel, which has no good words for it. */
static int check_host(struct olos_error *error)
{
    if (access("/dev/null", R_OK | W_OK))
        return olos_fail(error, OLOS_FAILED, "/dev/null cannot be used: %s\n  hint: the host must have it",
                         strerror(errno));
    int refused = probe_executable_memory();
    if (refused)
        return olos_fail(error, OLOS_FAILED,
                         "memory that can be written and executed is refused: %s\n"
                         "  hint: the host must allow it; a service has no MemoryDenyWriteExecute= then",
                         strerror(refused));
    return 0;
}

static int start(struct session *session)
{
    const struct session_options *options = session->options;
    struct kernel kernel = {.boot = options->boot, .memory = options->manifest->policy.memory};
    if (check_host(session->error))
        return -1;
    memory_find_directory(kernel.memory_directory, kernel.memory);
    struct lines lines;
    lines_open(&lines, &kernel.lines, options->mounts->count > 0);
    if (mount_process_start(&session->mounts, options->mounts, &options->manifest->app, &lines, session->error))
        return -1;
    session->frames.line = lines.control;
    session->log.line = lines.log;
    caller_input_open(&session->input, lines.slots);
    session->tee = (struct tee_channel){
        .requests = lines.tee_requests, .answers = lines.tee_answers, .slot = lines.tee_slot};
    outlet_open(&session->outlets[0], lines.stdout_line, STDOUT_FILENO);
    outlet_open(&session->outlets[1], lines.stderr_line, STDERR_FILENO);
    session->log.show = options->manifest->policy.debug;
    signals_catch(session);
    kernel.lines.frames = options->network->kernel;
    session->network_ready = !options->network->used;
    if (guard_start(&session->guard, &kernel, options->network, options->terminal, session->error))
        return -1;
    signals_reap_others(session); /* who ended before the signal was blocked */
    if (options->gdb)
        debug_tell_of_gdb(session->guard.pid);
    lines_close_kernels(&kernel.lines);
    network_leave(options->network);
    session->questions = confine_receive(lines.channel);
    close(lines.channel);
    session->supplies = confine_can_supply(session->questions);
    if (!session->supplies && !*kernel.memory_directory)
        return memory_fail(kernel.memory, session->error);
    return 0;
}

int session_run(const struct session_options *options, struct outcome *outcome, struct olos_error *error)
{
    static struct session session;
    session.options = options;
    session.error = error;
    session.grace.seconds = options->stop_seconds;
    if (start(&session))
        return -1;
    event_loop_run(&session);
    log_drain(&session.log);
    guard_end(&session.guard);
    mount_process_end(&session.mounts);
    terminal_restore(options->terminal);
    outcome_explain(&session.outcome, &session.grace, options->manifest->policy.memory);
    *outcome = session.outcome;
    return session.failed ? -1 : 0;
}
