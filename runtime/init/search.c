#include "search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *environment_value(char *const *env, const char *name)
{
    size_t length = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    return NULL;
}

static int is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

void search_execute(char *const *args, char *const *env)
{
    const char *name = args[0], *path = environment_value(env, "PATH");
    char candidate[4096 + 256];
    if (strchr(name, '/') || !path) {
        execve(name, args, env);
        return;
    }
    for (const char *end; *path; path = *end ? end + 1 : end) {
        end = strchrnul(path, ':');
        int length = snprintf(candidate, sizeof candidate, "%.*s%s%s", (int)(end - path), path,
                              end == path ? "./" : "/", name);
        if (length > 0 && (size_t)length < sizeof candidate && is_program(candidate)) {
            execve(candidate, args, env);
            return;
        }
    }
    errno = ENOENT;
}
