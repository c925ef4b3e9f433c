#include "trace_filter.h"

#include <stdio.h>
#include <string.h>

#include "syscalls.h"

static void set_all(struct trace_filter *filter, bool shown)
{
    memset(filter->shown, shown, sizeof filter->shown);
    filter->unknown = shown;
}

/* Returns whether there is such a call or class. */
static bool apply(struct trace_filter *filter, const char *word, bool shown)
{
    bool found = false;
    char letter = *word == '%' ? syscall_class(word + 1) : 0;
    for (size_t number = 0; number < syscall_count(); number++) {
        struct syscall_entry entry;
        if (!syscall_find(number, &entry))
            continue;
        if (letter ? strchr(entry.classes, letter) != NULL : strcmp(entry.name, word) == 0) {
            filter->shown[number] = shown;
            found = true;
        }
    }
    return found;
}

int trace_filter_read(struct trace_filter *filter, const char *list, struct olos_error *error)
{
    set_all(filter, *list == '!' || !*list);
    for (const char *at = list; *list; at++) {
        char word[SYSCALL_ROOM + 1];
        bool shown = *at != '!';
        at += !shown;
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        if (!apply(filter, word, shown))
            return olos_fail(error, OLOS_USAGE, "--olos-trace: '%s' is no system call and no class of them\n"
                             "  hint: classes are %%file, %%desc, %%network, %%process, %%memory, %%signal, %%ipc", word);
        at += length;
        if (!*at)
            break;
    }
    return 0;
}

bool trace_filter_shows(const struct trace_filter *filter, uint64_t number)
{
    struct syscall_entry unused;
    return syscall_find(number, &unused) ? filter->shown[number] : filter->unknown;
}
