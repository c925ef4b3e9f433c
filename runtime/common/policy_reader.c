#include "policy_reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "pattern.h"

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        if (call)                                                                                            \
            return -1;                                                                                       \
    } while (0)

#define MAX_NOFILE (UINT64_C(1) << 20) /* fs.nr_open of the kernel */

/* ---- host_env_patterns ---- */

/* Both lists are sorted: `*at` is where the search for the last name ended. */
static bool is_in(const struct olos_texts *names, const char *name, size_t *at)
{
    while (*at < names->count && strcmp(names->items[*at], name) < 0)
        ++*at;
    return *at < names->count && strcmp(names->items[*at], name) == 0;
}

static int read_pattern(struct json *j, struct olos_policy *policy, struct pattern *scratch, size_t *at)
{
    struct olos_pattern *pattern = &policy->patterns[policy->pattern_count - 1];
    if (policy->pattern_count > 1 && strcmp(pattern[-1].name, pattern->name) >= 0)
        return json_refuse(j, "host_env_patterns are not sorted, or a name stands twice");
    if (!is_in(&policy->host_env, pattern->name, at))
        return json_refuse(j, "host_env_patterns has a name that is not in host_env");
    TRY(json_new_text(j, &pattern->text));
    const char *reason = pattern_compile(scratch, pattern->text);
    return reason ? json_refuse(j, "the pattern before it: %s", reason) : 0;
}

static int read_patterns(struct json *j, struct olos_policy *policy, struct pattern *scratch)
{
    size_t capacity = 0, at = 0;
    int more;
    char *name;
    TRY(json_open(j, '{'));
    while ((more = json_member(j, &name)) > 0) {
        policy->patterns = grown(policy->patterns, policy->pattern_count, &capacity, sizeof *policy->patterns);
        policy->patterns[policy->pattern_count++] = (struct olos_pattern){.name = name};
        TRY(read_pattern(j, policy, scratch, &at));
    }
    if (more == 0 && !policy->pattern_count)
        return json_refuse(j, "host_env_patterns is empty; then it must be absent");
    return more < 0 ? -1 : json_close(j, '}');
}

int policy_read_patterns(struct json *j, struct olos_policy *policy)
{
    if (!json_optional_key(j, "host_env_patterns"))
        return 0;
    struct pattern *scratch = allocate(1, sizeof *scratch);
    int result = read_patterns(j, policy, scratch);
    free(scratch);
    return result;
}

/* ---- log_level, outgoing ---- */

int policy_read_log_level(struct json *j, struct olos_policy *policy)
{
    static const char *const levels[] = {"info", "debug"}; /* "error" is the default */
    unsigned level;
    if (!json_optional_key(j, "log_level"))
        return 0;
    TRY(json_choice(j, levels, 2, &level));
    policy->log_level = (enum olos_log_level)(OLOS_LOG_INFO + level);
    if (policy->log_level == OLOS_LOG_DEBUG && !policy->debug)
        return json_refuse(j, "log_level \"debug\" is for debug builds only");
    return 0;
}

int policy_read_outgoing(struct json *j, struct olos_policy *policy)
{
    if (!json_optional_key(j, "outgoing"))
        return 0;
    TRY(json_flag(j, &policy->outgoing));
    return policy->outgoing ? 0 : json_refuse(j, "outgoing is false; then it must be absent");
}

/* ---- rlimits ---- */

static const struct {
    const char *name;
    int resource;
} resources[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},     {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},   {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},   {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME}, {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

#define RESOURCES (sizeof resources / sizeof *resources)

static int read_value(struct json *j, uint64_t *value)
{
    static const char *const words[] = {"unlimited"};
    unsigned word;
    *value = OLOS_UNLIMITED;
    return json_is_text(j) ? json_choice(j, words, 1, &word) : json_number(j, 0, JSON_MAX_INTEGER, value);
}

/* The next item of a list that must have one. */
static int read_limit(struct json *j, uint64_t *value)
{
    int more = json_item(j);
    if (more > 0)
        return read_value(j, value);
    return more ? -1 : json_refuse(j, "expected the soft and the hard limit");
}

static int read_rlimit(struct json *j, struct olos_rlimit *limit)
{
    TRY(json_open(j, '['));
    TRY(read_limit(j, &limit->soft));
    TRY(read_limit(j, &limit->hard));
    TRY(json_close(j, ']'));
    if (limit->soft > limit->hard)
        return json_refuse(j, "the soft limit before it is above the hard limit");
    if (limit->resource == RLIMIT_NOFILE && limit->hard > MAX_NOFILE)
        return json_refuse(j, "nofile is more than the kernel allows");
    return 0;
}

int policy_read_rlimits(struct json *j, struct olos_policy *policy)
{
    if (!json_optional_key(j, "rlimits"))
        return 0;
    TRY(json_open(j, '{'));
    policy->rlimits = allocate(RESOURCES, sizeof *policy->rlimits);
    for (size_t i = 0; i < RESOURCES; i++) {
        if (!json_optional_key(j, resources[i].name))
            continue;
        struct olos_rlimit *limit = &policy->rlimits[policy->rlimit_count++];
        limit->resource = resources[i].resource;
        TRY(read_rlimit(j, limit));
    }
    TRY(json_close(j, '}'));
    return policy->rlimit_count ? 0 : json_refuse(j, "rlimits is empty; then it must be absent");
}

void policy_free_optional(struct olos_policy *policy)
{
    for (size_t i = 0; i < policy->pattern_count; i++) {
        free(policy->patterns[i].name);
        free(policy->patterns[i].text);
    }
    free(policy->patterns);
    free(policy->rlimits);
}
