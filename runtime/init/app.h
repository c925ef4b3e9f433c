/* Starting the app: streams, user, capabilities, limits, environment, program. */
#pragma once

#include "../common/trace_filter.h"
#include "run.h"

/* Exit codes as of container engines, beside those of enum olos_exit. */
#define APP_CANNOT_EXECUTE 126
#define APP_NOT_FOUND 127

/* Both ends of the app's streams. With a terminal all ends of init's are the one master; a stream that is
   not open is -1. */
struct streams {
    int app[3];
    int init[3];
};

struct command {
    char *const *args, *const *env;
    const struct olos_app *app;
    const struct olos_policy *policy;
    const struct trace_filter *trace; /* or NULL */
    int devices; /* see system_set_up */
    bool tty;
};

/* Make the streams. Returns 0, or -1 with `error` filled in. */
int streams_open(const struct run *run, const struct olos_app *app, struct streams *streams,
                 struct olos_error *error);

/* Start the app as a child; its ends of the streams are closed here. Returns its process id, or -1 with
   `error` filled in if it could not be executed. */
pid_t app_start(const struct command *command, struct streams *streams, struct olos_error *error);

/* The environment of the app: `env` and what engines and this target add, NULL at the end. */
char **app_environment(const struct olos_texts *env, const struct olos_app *app, bool tty);
