#include "passt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../include/olos/network.h"

#define NAME "passt"
#define LAST_PLACE "/usr/bin" /* where PATH is not set, or is short */
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Only absolute directories: not what happens to lie in the current one. */
static bool find_in(const char *directories, char program[PATH_MAX])
{
    for (const char *at = directories; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        int length = (int)strcspn(at, ":");
        if (*at == '/' && snprintf(program, PATH_MAX, "%.*s/" NAME, length, at) < PATH_MAX && is_program(program))
            return true;
    }
    return false;
}

int passt_find(struct passt *passt, struct olos_error *error)
{
    if (find_in(getenv("PATH"), passt->program) || find_in(LAST_PLACE, passt->program))
        return 0;
    return olos_fail(error, OLOS_FAILED, "the network needs the program " NAME ", which is not in PATH\n"
                     "  hint: apt-get install " NAME);
}

static const char *const fixed[] = {
    NAME, "--foreground", "--quiet", "--stderr", "--fd", TEXT(PASST_STREAM),
    /* Its own idea of addresses and routes would depend on the host's interfaces: it needs none of them. */
    "--ipv4-only", "--interface", "lo", "--address", NETWORK_ADDRESS, "--netmask", TEXT(NETWORK_PREFIX),
    "--gateway", NETWORK_GATEWAY, "--mac-addr", NETWORK_GATEWAY_MAC, "--mtu", TEXT(NETWORK_MTU),
    "--dns-forward", NETWORK_RESOLVER, "--no-dhcp", "--no-dhcpv6", "--no-ra", "--no-ndp",
};

#define FIXED (sizeof fixed / sizeof *fixed)
#define MAX_ARGUMENTS (FIXED + 2 * PUBLISH_MAX + 3) /* none of one protocol, and NULL */

struct words {
    size_t count;
    const char *items[MAX_ARGUMENTS];
    char texts[PUBLISH_MAX][INET_ADDRSTRLEN + 16];
};

static void add_ports(struct words *words, const struct publications *publications, bool udp)
{
    const char *option = udp ? "--udp-ports" : "--tcp-ports";
    size_t before = words->count;
    for (size_t i = 0; i < publications->count; i++) {
        const struct published *item = &publications->items[i];
        if (item->udp != udp)
            continue;
        snprintf(words->texts[i], sizeof words->texts[i], "%s/%u:%u", item->host, item->host_port, item->port);
        words->items[words->count++] = option;
        words->items[words->count++] = words->texts[i];
    }
    if (words->count == before) { /* said, since passt publishes UDP ports beside those of TCP unless told not to */
        words->items[words->count++] = option;
        words->items[words->count++] = "none";
    }
}

static void make_arguments(const struct passt *passt, struct words *words)
{
    memcpy(words->items, fixed, sizeof fixed);
    words->count = FIXED;
    add_ports(words, passt->publications, false);
    add_ports(words, passt->publications, true);
    words->items[words->count] = NULL;
}

void passt_execute(const struct passt *passt)
{
    static struct words words;
    char *const nothing[] = {NULL};
    make_arguments(passt, &words);
    execve(passt->program, (char *const *)words.items, nothing);
}
