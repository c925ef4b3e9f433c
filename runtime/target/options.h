/* The command line of a package (docs/formats.md section 6). */
#pragma once

#include "../common/manifest.h"
#include "publish.h"

enum olos_action {
    ACTION_RUN,
    ACTION_DOCTOR,
    ACTION_HELP,
    ACTION_MANIFEST,
    ACTION_MEASURE,
    ACTION_SIM_ROOT,
    ACTION_UNPACK,
    ACTION_VERIFY,
};

struct olos_options {
    int package_fd;        /* or -1 */
    const char *directory; /* or NULL: one of the two is given, unless the action needs neither */
    enum olos_action action;
    const char *value;    /* of --olos-verify or --olos-unpack */
    const char *trace;    /* list of system calls to show, or NULL */
    bool trace_failed;    /* those that fail */
    bool gdb;             /* say how to attach a debugger */
    const char *expected; /* measurement to insist on, or NULL */
    int stop_seconds;     /* of --olos-stop-timeout, or GRACE_FOREVER */
    struct olos_texts mounts; /* TARGET=SOURCE each */
    struct publications publications;
    bool host_loopback; /* the app may reach services of the host's loopback */
    char **args;          /* for the app, NULL at the end */
    size_t arg_count;
};

/* Read the command line: argv[1] comes from the launcher, the rest from the user. `--olos-doctor`
   and `--olos-sim-root` may also come first, and then there is no package. Returns 0, or -1 with `error` filled in. */
int options_read(struct olos_options *options, int argc, char **argv, struct olos_error *error);
