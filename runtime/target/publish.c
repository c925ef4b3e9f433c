#include "publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_HOST "127.0.0.1"

static int refuse(const char *option, const char *why, struct olos_error *error)
{
    return olos_fail(error, OLOS_USAGE, "--olos-publish %.80s: %s\n"
                     "  hint: [HOSTADDRESS:]HOSTPORT:PORT[/tcp|udp], as 8080:80 or 0.0.0.0:5353:53/udp",
                     option, why);
}

/* A port from 1 to 65535 without leading zeros, and nothing behind it. */
static bool read_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    long value = digits && digits <= 5 && text[0] != '0' && !text[digits] ? atol(text) : 0;
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX;
}

/* Cut off what stands behind the last `separator`. Returns it, or NULL if there is none. */
static char *cut(char *text, char separator)
{
    char *at = strrchr(text, separator);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static bool same_listener(const struct published *a, const struct published *b)
{
    return a->host_port == b->host_port && a->udp == b->udp;
}

int publish_read(struct publications *publications, const char *option, struct olos_error *error)
{
    struct published new = {.option = option, .host = DEFAULT_HOST};
    struct in_addr unused;
    char text[80];
    if (publications->count == PUBLISH_MAX)
        return refuse(option, "too many ports", error);
    if (strlen(option) >= sizeof text)
        return refuse(option, "too long", error);
    strcpy(text, option);
    const char *protocol = cut(text, '/'), *port = cut(text, ':'), *host_port = cut(text, ':');
    if (protocol && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
        return refuse(option, "the protocol is neither tcp nor udp", error);
    if (!port)
        return refuse(option, "it needs two ports, the host's and the app's", error);
    if (host_port && (strlen(text) >= sizeof new.host || inet_pton(AF_INET, strcpy(new.host, text), &unused) != 1))
        return refuse(option, "the address is no IPv4 address", error);
    new.udp = protocol && strcmp(protocol, "udp") == 0;
    if (!read_port(host_port ? host_port : text, &new.host_port) || !read_port(port, &new.port))
        return refuse(option, "a port is a number from 1 to 65535", error);
    for (size_t i = 0; i < publications->count; i++)
        if (same_listener(&publications->items[i], &new))
            return refuse(option, "this port of the host is published twice", error);
    publications->items[publications->count++] = new;
    return 0;
}

static bool is_allowed(const struct olos_policy *policy, const char *port)
{
    for (size_t i = 0; i < policy->ports.count; i++)
        if (strcmp(policy->ports.items[i], port) == 0)
            return true;
    return false;
}

int publish_check_policy(const struct publications *publications, const struct olos_policy *policy,
                         struct olos_error *error)
{
    for (size_t i = 0; i < publications->count; i++) {
        const struct published *item = &publications->items[i];
        char port[16];
        snprintf(port, sizeof port, "%u/%s", item->port, item->udp ? "udp" : "tcp");
        if (!is_allowed(policy, port))
            return olos_fail(error, OLOS_USAGE,
                             "--olos-publish %s: the measured policy does not publish port %s\n"
                             "  hint: build with it in policy.ports, or in EXPOSE of the Dockerfile",
                             item->option, port);
    }
    return 0;
}

/* Returns a socket that holds the address, or -1 with errno set. */
static int take_address(const struct published *item)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(item->host_port)};
    int yes = 1, s = socket(AF_INET, (item->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -1;
    inet_pton(AF_INET, item->host, &address.sin_addr);
    /* Connections of a run before this one may still be closing. */
    if ((item->udp || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0) &&
        bind(s, (struct sockaddr *)&address, sizeof address) == 0)
        return s;
    close(s);
    return -1;
}

int publish_check_free(const struct publications *publications, struct olos_error *error)
{
    for (size_t i = 0; i < publications->count; i++) {
        int s = take_address(&publications->items[i]);
        if (s < 0)
            return olos_fail(error, OLOS_FAILED, "--olos-publish %s: the host's port cannot be listened on: %s%s",
                             publications->items[i].option, strerror(errno),
                             errno == EACCES ? "\n  hint: take a port from 1024 on" : "");
        close(s);
    }
    return 0;
}
