#include "names.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PATH 4095
#define MAX_COMPONENT 255
#define MAX_NAME 47
#define MAX_HOSTNAME 64

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool consists_of(const char *text, size_t length, const char *punctuation)
{
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(text[i]) && !strchr(punctuation, text[i]))
            return false;
    return true;
}

/* Components between slashes: none is empty, `.` or `..`, or too long for a name. */
static bool has_normal_components(const char *path)
{
    for (;;) {
        size_t length = strcspn(path, "/");
        if (length == 0 || length > MAX_COMPONENT || (length <= 2 && strspn(path, ".") >= length))
            return false;
        if (!path[length])
            return true;
        path += length + 1;
    }
}

bool is_layout_name(const char *name)
{
    size_t length = strlen(name);
    return length <= MAX_NAME && consists_of(name, length, "._+-/") && has_normal_components(name);
}

bool is_absolute(const char *path)
{
    return path[0] == '/' && strlen(path) <= MAX_PATH && (!path[1] || has_normal_components(path + 1));
}

bool is_hostname(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= MAX_HOSTNAME && consists_of(name, length, ".-") &&
           is_alphanumeric(name[0]) && is_alphanumeric(name[length - 1]);
}

bool is_variable(const char *name)
{
    return !(name[0] >= '0' && name[0] <= '9') && name[0] != '.' && name[0] != '-' && name[0] &&
           consists_of(name, strlen(name), "_.-");
}

bool is_port(const char *port)
{
    size_t digits = strspn(port, "0123456789");
    const char *protocol = port + digits;
    return digits >= 1 && digits <= 5 && port[0] != '0' && atol(port) <= 65535 &&
           (strcmp(protocol, "/tcp") == 0 || strcmp(protocol, "/udp") == 0 || strcmp(protocol, "/sctp") == 0);
}
