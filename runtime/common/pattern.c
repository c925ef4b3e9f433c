#include "pattern.h"

#include <stdlib.h>
#include <string.h>

/* An open group, or the whole. */
struct group {
    size_t places; /* before it */
    size_t begin, branch; /* first step of it, and of its open branch */
    size_t jumps; /* number of the last jump to its end, which has the number of the one before it; 0: none */
};

struct compiler {
    struct pattern *pattern;
    const char *at;
    size_t places; /* as if all repetitions were written out */
    struct group groups[PATTERN_MAX_DEPTH + 1];
    size_t depth;
    struct group piece; /* the last one */
    bool repeatable, empty;
};

/* ---- steps: all distances are relative, so that a piece can be moved and copied ---- */

static void emit(struct pattern *p, enum pattern_kind kind, size_t to)
{
    p->steps[p->step_count++] = (struct pattern_step){kind, (int)to};
}

static void emit_loop(struct pattern *p, size_t length)
{
    p->steps[p->step_count++] = (struct pattern_step){PATTERN_SPLIT, -(int)length};
}

/* A step before all from `at` on: another way past them. */
static void insert_split(struct pattern *p, size_t at, size_t past)
{
    memmove(&p->steps[at + 1], &p->steps[at], (p->step_count - at) * sizeof *p->steps);
    p->steps[at] = (struct pattern_step){PATTERN_SPLIT, (int)past};
    p->step_count++;
}

/* The steps from `begin` on are done from `low` to `high` times; 0 stands for no limit. */
static void write_out(struct pattern *p, size_t begin, size_t low, size_t high)
{
    size_t length = p->step_count - begin, copies = high ? high : low ? low : 1;
    for (size_t i = 1; i < copies; i++) {
        if (i >= low)
            emit(p, PATTERN_SPLIT, length + 1);
        memcpy(&p->steps[p->step_count], &p->steps[begin], length * sizeof *p->steps);
        p->step_count += length;
    }
    if (!high)
        emit_loop(p, length);
    if (!low)
        insert_split(p, begin, p->step_count + 1 - begin);
}

/* ---- atoms ---- */

static void set_add(struct pattern_set *set, unsigned low, unsigned high)
{
    for (unsigned byte = low; byte <= high; byte++)
        set->words[byte / 32] |= UINT32_C(1) << byte % 32;
}

static bool set_has(const struct pattern_set *set, uint8_t byte)
{
    return set->words[byte / 32] >> byte % 32 & 1;
}

static bool is_one_of(char c, const char *characters)
{
    return c && strchr(characters, c);
}

static bool is_member(char c)
{
    return c && !strchr("[]\\^-", c);
}

/* What follows '['. */
static const char *read_class(struct compiler *c, struct pattern_set *set)
{
    bool inverted = *c->at == '^';
    c->at += inverted;
    const char *begin = c->at;
    while (is_member(*c->at)) {
        char low = *c->at++, high = low;
        if (c->at[0] == '-' && is_member(c->at[1])) {
            high = c->at[1];
            c->at += 2;
        }
        if (low > high)
            return "a range of a class ends before it begins";
        set_add(set, (unsigned char)low, (unsigned char)high);
    }
    if (*c->at == '-') {
        set_add(set, '-', '-');
        c->at++;
    }
    if (*c->at != ']' || c->at == begin)
        return "a class that has no end, no members or one that it cannot have";
    c->at++;
    for (size_t i = 0; inverted && i < 8; i++)
        set->words[i] = ~set->words[i];
    return NULL;
}

static const char *read_atom(struct compiler *c)
{
    struct pattern *p = c->pattern;
    struct pattern_set *set = &p->sets[p->set_count];
    const char *reason = NULL;
    char first = *c->at++;
    c->piece = (struct group){.places = c->places, .begin = p->step_count};
    emit(p, PATTERN_TAKE, p->set_count++);
    *set = (struct pattern_set){0};
    c->places++;
    c->repeatable = true;
    c->empty = false;
    if (first == '[')
        reason = read_class(c, set);
    else if (first == '.')
        set_add(set, 0, UINT8_MAX);
    else {
        bool escaped = first == '\\';
        char plain = escaped ? *c->at++ : first;
        if (is_one_of(plain, "\\^$.[]|()*+?{}") != escaped)
            reason = "a character that has no meaning here";
        set_add(set, (unsigned char)plain, (unsigned char)plain);
    }
    return reason;
}

/* ---- groups and repetitions ---- */

static const char *begin_group(struct compiler *c)
{
    size_t here = c->pattern->step_count;
    if (c->depth == PATTERN_MAX_DEPTH)
        return "groups are nested too deeply";
    c->groups[++c->depth] = (struct group){.places = c->places, .begin = here, .branch = here};
    c->repeatable = false;
    c->empty = true;
    c->at++;
    return NULL;
}

static const char *end_branch(struct compiler *c)
{
    struct group *group = &c->groups[c->depth];
    if (c->empty)
        return "an alternative is empty";
    insert_split(c->pattern, group->branch, c->pattern->step_count + 2 - group->branch);
    emit(c->pattern, PATTERN_JUMP, group->jumps);
    group->jumps = c->pattern->step_count - 1;
    group->branch = c->pattern->step_count;
    c->repeatable = false;
    c->empty = true;
    c->at++;
    return NULL;
}

static const char *end_group(struct compiler *c)
{
    struct group *group = &c->groups[c->depth];
    if (c->empty)
        return "an alternative is empty";
    for (size_t jump = group->jumps, before; jump; jump = before) {
        before = (size_t)c->pattern->steps[jump].to;
        c->pattern->steps[jump].to = (int)(c->pattern->step_count - jump);
    }
    c->piece = *group;
    c->repeatable = true;
    return NULL;
}

static const char *close_group(struct compiler *c)
{
    if (!c->depth)
        return "no group begins that could end here";
    const char *reason = end_group(c);
    c->depth--;
    c->at++;
    return reason;
}

static bool read_count(const char **at, size_t *count)
{
    const char *begin = *at;
    for (*count = 0; **at >= '0' && **at <= '9' && *at - begin < 3; ++*at)
        *count = 10 * *count + (size_t)(**at - '0');
    return *at > begin;
}

/* What follows '{'. */
static bool read_bounds(struct compiler *c, size_t *low, size_t *high)
{
    bool limited = true;
    if (!read_count(&c->at, low))
        return false;
    *high = *low;
    if (*c->at == ',') {
        c->at++;
        limited = read_count(&c->at, high);
    }
    if (*c->at++ != '}' || *low > PATTERN_MAX_REPEAT)
        return false;
    return !limited || (*high && *high >= *low && *high <= PATTERN_MAX_REPEAT);
}

static const char *repeat(struct compiler *c)
{
    size_t low = *c->at == '+', high = *c->at == '?';
    if (!c->repeatable)
        return "there is nothing that could be repeated";
    if (*c->at++ == '{' && !read_bounds(c, &low, &high))
        return "no repetition {n}, {n,} or {n,m} with n <= m and 1 <= m <= 255";
    size_t copies = high ? high : low ? low : 1;
    c->places += (c->places - c->piece.places) * (copies - 1);
    c->repeatable = false;
    if (c->places <= PATTERN_MAX_PLACES)
        write_out(c->pattern, c->piece.begin, low, high);
    return NULL;
}

static const char *read_next(struct compiler *c)
{
    switch (*c->at) {
    case '(':
        return begin_group(c);
    case ')':
        return close_group(c);
    case '|':
        return end_branch(c);
    case '*':
    case '+':
    case '?':
    case '{':
        return repeat(c);
    default:
        return read_atom(c);
    }
}

const char *pattern_compile(struct pattern *pattern, const char *text)
{
    struct compiler c = {.pattern = pattern, .at = text, .empty = true};
    size_t length = strlen(text);
    const char *reason = NULL;
    pattern->set_count = pattern->step_count = 0;
    if (!length || length > PATTERN_MAX_LENGTH)
        return "a pattern has 1 to 255 characters";
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return "a pattern consists of printable ASCII";
    while (!reason && *c.at) {
        reason = read_next(&c);
        if (!reason && c.places > PATTERN_MAX_PLACES)
            reason = "more than 256 characters with all repetitions written out";
    }
    if (!reason && c.depth)
        reason = "a group has no end";
    if (!reason)
        reason = end_group(&c);
    emit(pattern, PATTERN_END, 0);
    return reason;
}

/* ---- matching ---- */

struct reached { /* the steps that a way has come to */
    size_t count, waiting;
    uint16_t steps[PATTERN_MAX_STEPS], stack[PATTERN_MAX_STEPS];
    bool marks[PATTERN_MAX_STEPS];
};

static void visit(struct reached *r, size_t step)
{
    if (!r->marks[step]) {
        r->marks[step] = true;
        r->stack[r->waiting++] = (uint16_t)step;
    }
}

/* A step, and all that are reached from there without taking a byte. */
static void reach(const struct pattern *p, struct reached *r, size_t step)
{
    visit(r, step);
    while (r->waiting) {
        step = r->stack[--r->waiting];
        const struct pattern_step *s = &p->steps[step];
        if (s->kind == PATTERN_TAKE || s->kind == PATTERN_END) {
            r->steps[r->count++] = (uint16_t)step;
            continue;
        }
        visit(r, (size_t)((int)step + s->to));
        if (s->kind == PATTERN_SPLIT)
            visit(r, step + 1);
    }
}

static void take(const struct pattern *p, const struct reached *from, uint8_t byte, struct reached *to)
{
    to->count = 0;
    memset(to->marks, 0, p->step_count);
    for (size_t i = 0; i < from->count; i++) {
        const struct pattern_step *s = &p->steps[from->steps[i]];
        if (s->kind == PATTERN_TAKE && set_has(&p->sets[s->to], byte))
            reach(p, to, from->steps[i] + (size_t)1);
    }
}

static bool has_end(const struct pattern *p, const struct reached *r)
{
    return r->marks[p->step_count - 1];
}

bool pattern_matches(const struct pattern *pattern, const char *value)
{
    struct reached *ways = allocate(2, sizeof *ways);
    size_t now = 0, length = strlen(value);
    reach(pattern, &ways[now], 0);
    for (size_t i = 0; i < length && i < PATTERN_MAX_VALUE; i++, now = !now)
        take(pattern, &ways[now], (uint8_t)value[i], &ways[!now]);
    bool result = length <= PATTERN_MAX_VALUE && has_end(pattern, &ways[now]);
    free(ways);
    return result;
}
