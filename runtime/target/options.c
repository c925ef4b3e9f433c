#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "grace.h"

#define PREFIX "--olos-"
#define END_OF_OPTIONS "--olos--"

static const struct {
    const char *name;
    enum olos_action action;
    bool has_value;
} actions[] = {
    {"doctor", ACTION_DOCTOR, false}, {"help", ACTION_HELP, false},     {"manifest", ACTION_MANIFEST, false},
    {"measure", ACTION_MEASURE, false}, {"sim-root", ACTION_SIM_ROOT, false}, {"unpack", ACTION_UNPACK, true},
    {"verify", ACTION_VERIFY, true},
};

/* What follows `prefix`, or NULL if the argument does not begin with it. */
static const char *after(const char *argument, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(argument, prefix, length) == 0 ? argument + length : NULL;
}

static int read_source(struct olos_options *options, const char *argument, struct olos_error *error)
{
    const char *number = after(argument, PREFIX "package-fd=");
    options->directory = after(argument, PREFIX "layout=");
    if (number) {
        char *end;
        long value = strtol(number, &end, 10);
        if (end != number && !*end && value >= 0 && value <= 1 << 20) {
            options->package_fd = (int)value;
            return 0;
        }
    } else if (options->directory && *options->directory)
        return 0;
    return olos_fail(error, OLOS_USAGE, "%.80s: the first argument names the package or layout\n"
                     "  hint: start a package itself, or a layout with 'olos run LAYOUT'", argument);
}

static int take_value(const char **value, const char *option, char **argv, int *at, struct olos_error *error)
{
    if (!argv[*at])
        return olos_fail(error, OLOS_USAGE, "%s: needs a value", option);
    *value = argv[(*at)++];
    return 0;
}

static int set_action(struct olos_options *options, size_t which, const char *option, char **argv, int *at,
                      struct olos_error *error)
{
    if (options->action != ACTION_RUN)
        return olos_fail(error, OLOS_USAGE, "%s: one such option at a time", option);
    options->action = actions[which].action;
    return actions[which].has_value ? take_value(&options->value, option, argv, at, error) : 0;
}

static int set_stop_timeout(struct olos_options *options, const char *option, char **argv, int *at,
                            struct olos_error *error)
{
    const char *text = NULL;
    if (take_value(&text, option, argv, at, error))
        return -1;
    if (strcmp(text, "never") == 0) {
        options->stop_seconds = GRACE_FOREVER;
        return 0;
    }
    size_t digits = strspn(text, "0123456789");
    long seconds = strtol(text, NULL, 10);
    if (!digits || digits > 5 || text[digits] || seconds > GRACE_MAX_SECONDS)
        return olos_fail(error, OLOS_USAGE, "%s: %.80s is neither a number of seconds up to %d nor 'never'", option,
                         text, GRACE_MAX_SECONDS);
    options->stop_seconds = (int)seconds;
    return 0;
}

static int add_mount(struct olos_options *options, const char *option, char **argv, int *at,
                     struct olos_error *error)
{
    if (!argv[*at])
        return olos_fail(error, OLOS_USAGE, "%s: needs a value", option);
    options->mounts.items[options->mounts.count++] = argv[(*at)++];
    return 0;
}

/* What debug builds have. Returns whether it is one of them. */
static bool read_debug_option(struct olos_options *options, const char *name)
{
    if (strcmp(name, "trace") == 0)
        options->trace = ""; /* any call */
    else if (strcmp(name, "trace-failed") == 0)
        options->trace_failed = true;
    else if (strcmp(name, "gdb") == 0)
        options->gdb = true;
    else
        return false;
    return true;
}

static int read_option(struct olos_options *options, const char *option, char **argv, int *at,
                       struct olos_error *error)
{
    const char *name = after(option, PREFIX);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(name, actions[i].name) == 0)
            return set_action(options, i, option, argv, at, error);
    if (strcmp(name, "expect") == 0) {
        uint8_t unused[32];
        if (take_value(&options->expected, option, argv, at, error))
            return -1;
        if (unhex_sha256(options->expected, unused) == 0)
            return 0;
        return olos_fail(error, OLOS_USAGE, "%s: %.80s is not 64 lower-case hexadecimal digits", option,
                         options->expected);
    }
    if (strcmp(name, "stop-timeout") == 0)
        return set_stop_timeout(options, option, argv, at, error);
    if (strcmp(name, "mount") == 0)
        return add_mount(options, option, argv, at, error);
    if (strcmp(name, "publish") == 0) {
        const char *port = NULL;
        return take_value(&port, option, argv, at, error) ? -1 : publish_read(&options->publications, port, error);
    }
    if (strcmp(name, "host-loopback") == 0) {
        options->host_loopback = true;
        return 0;
    }
    const char *list = after(name, "trace=");
    if (list && !*list)
        return olos_fail(error, OLOS_USAGE, "%s: needs a list\n  hint: " PREFIX "trace shows all system calls", option);
    if (list)
        options->trace = list;
    if (list || read_debug_option(options, name))
        return 0;
    return olos_fail(error, OLOS_USAGE, "%.80s: no such option\n"
                     "  hint: --olos-help lists them; " END_OF_OPTIONS " goes before an argument of the app's", option);
}

/* What asks nothing of a package. */
static bool is_of_host_alone(const char *argument)
{
    return strcmp(argument, PREFIX "doctor") == 0 || strcmp(argument, PREFIX "sim-root") == 0;
}

/* An option that is given and says how to run the app, or NULL. */
static const char *option_for_running(const struct olos_options *options)
{
    return options->mounts.count         ? PREFIX "mount"
           : options->publications.count ? PREFIX "publish"
           : options->host_loopback      ? PREFIX "host-loopback"
           : options->expected           ? PREFIX "expect"
           : options->trace              ? PREFIX "trace"
           : options->trace_failed       ? PREFIX "trace-failed"
           : options->gdb                ? PREFIX "gdb"
           : options->stop_seconds != GRACE_DEFAULT_SECONDS ? PREFIX "stop-timeout" : NULL;
}

static int check_combination(const struct olos_options *options, struct olos_error *error)
{
    const char *running = option_for_running(options);
    if (options->action == ACTION_RUN)
        return 0;
    if (running)
        return olos_fail(error, OLOS_USAGE, "%s: only together with running the app", running);
    if (options->arg_count)
        return olos_fail(error, OLOS_USAGE, "%.80s: this option takes no arguments for the app",
                         options->args[0]);
    return 0;
}

int options_read(struct olos_options *options, int argc, char **argv, struct olos_error *error)
{
    int at = 1;
    *options = (struct olos_options){.package_fd = -1, .stop_seconds = GRACE_DEFAULT_SECONDS};
    options->mounts.items = allocate((size_t)argc + 1, sizeof *options->mounts.items);
    if (argc < 2)
        return olos_fail(error, OLOS_USAGE, "this is a part of olos; it is started by a package or 'olos run'");
    if (!is_of_host_alone(argv[at]) && read_source(options, argv[at++], error))
        return -1;
    while (at < argc && after(argv[at], PREFIX)) {
        const char *option = argv[at++];
        if (strcmp(option, END_OF_OPTIONS) == 0)
            break;
        if (read_option(options, option, argv, &at, error))
            return -1;
    }
    options->args = argv + at;
    options->arg_count = (size_t)(argc - at);
    if (check_combination(options, error))
        return -1;
    if (options->trace_failed && !options->trace)
        options->trace = ""; /* any call */
    return 0;
}
