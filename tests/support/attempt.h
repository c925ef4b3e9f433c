/* One system call as a line of text: its number, then its arguments. A number is itself, 'text is a string, and @ is
   a page of zeros. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 6
#define PAGE 4096

struct attempt {
    long number;
    long values[MAX_ARGUMENTS];
    const char *texts[MAX_ARGUMENTS]; /* NULL for a number; "" for the page */
};

static struct attempt attempt_read(char *words)
{
    struct attempt attempt = {0};
    char *rest, *word = strtok_r(words, " ", &rest);
    attempt.number = word ? strtol(word, NULL, 0) : -1;
    for (int i = 0; i < MAX_ARGUMENTS && (word = strtok_r(NULL, " ", &rest)); i++) {
        if (*word == '\'')
            attempt.texts[i] = word + 1;
        else if (*word == '@')
            attempt.texts[i] = "";
        else
            attempt.values[i] = (long)strtoul(word, NULL, 0);
    }
    return attempt;
}

static char *line_read(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    return line;
}
