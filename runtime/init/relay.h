/* Init's work while the app runs: streams, signals, orphans, and the end. */
#pragma once

#include <sys/types.h>

#include "app.h"

struct relay_lines {
    int control;  /* control_open */
    int children; /* relay_prepare */
    int slots;    /* input_open */
    int stdout_line, stderr_line;
    int memory; /* memory_open */
};

/* Serve the app until it ends, end all that it left behind, deliver its output and report its status. */
_Noreturn void relay(const struct relay_lines *lines, const struct streams *streams, pid_t app, bool tty);

/* Block SIGCHLD and ignore SIGPIPE. Called before the app is started. Returns the descriptor that tells of
   ended children, or -1 with `error` filled in. */
int relay_prepare(struct olos_error *error);
