/* The app from its start to its end, as its caller sees it: streams, signals, exit status. */
#pragma once

#include "frames.h"
#include "guard.h"
#include "log.h"
#include "mount_process.h"
#include "outlet.h"
#include "terminal.h"

/* How the app ended. */
struct outcome {
    bool by_signal;
    int code; /* exit code or signal */
    unsigned victims; /* processes that were ended because memory ran out */
};

struct session_options {
    const struct boot *boot;
    const struct olos_manifest *manifest;
    const struct terminal *terminal;
    int stop_seconds; /* grace.h */
    const struct mount_sources *mounts; /* the session closes them */
    const struct network *network;
};

/* Start the kernel and serve it until the app has ended and all its output is delivered. Returns 0, or -1
   with `error` filled in. No process of the kernel's is left, and the terminal is as it was. */
int session_run(const struct session_options *options, struct outcome *outcome, struct olos_error *error);

/* End as the app did. */
_Noreturn void session_exit(const struct outcome *outcome);
