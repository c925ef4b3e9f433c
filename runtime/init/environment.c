#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "search.h"

#define LINE 1024

/* The home directory of a user by /etc/passwd (passwd(5)), or "/". */
static void find_home(uint32_t uid, char *home, size_t room)
{
    char line[LINE];
    FILE *users = fopen("/etc/passwd", "re");
    snprintf(home, room, "/");
    while (users && fgets(line, sizeof line, users)) {
        char *at = line, *field[6];
        for (int i = 0; i < 6; i++)
            field[i] = at ? strsep(&at, ":") : NULL;
        char number[16];
        snprintf(number, sizeof number, "%u", uid);
        if (field[5] && strcmp(field[2], number) == 0) {
            if (*field[5])
                snprintf(home, room, "%s", field[5]);
            break;
        }
    }
    if (users)
        fclose(users);
}

static void add(char **env, size_t *count, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    env[*count] = allocate(size, 1);
    snprintf(env[(*count)++], size, "%s=%s", name, value);
}

static void add_if_missing(char **env, size_t *count, const char *name, const char *value)
{
    if (!environment_value(env, name))
        add(env, count, name, value);
}

char **app_environment(const struct olos_texts *env, const struct olos_app *app, bool tty)
{
    char **result = allocate(env->count + 6, sizeof *result), home[LINE];
    size_t count = 0;
    find_home(app->uid, home, sizeof home);
    for (size_t i = 0; i < env->count; i++)
        result[count++] = env->items[i];
    add_if_missing(result, &count, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_if_missing(result, &count, "HOSTNAME", app->hostname);
    add_if_missing(result, &count, "HOME", home);
    if (tty)
        add_if_missing(result, &count, "TERM", "xterm");
    add(result, &count, "OLOS_TARGET", "linux");
    return result;
}
