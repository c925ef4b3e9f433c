/* Published ports: `--olos-publish [HOSTADDRESS:]HOSTPORT:PORT[/tcp|udp]` (docs/network.md). */
#pragma once

#include <netinet/in.h>

#include "../common/manifest.h"

#define PUBLISH_MAX 64

struct published {
    const char *option;             /* as it was given, for messages */
    char host[INET_ADDRSTRLEN]; /* address to listen on */
    uint16_t host_port, port;
    bool udp;
};

struct publications {
    size_t count;
    struct published items[PUBLISH_MAX];
};

/* Read one option and append it. Returns 0, or -1 with `error` filled in. */
int publish_read(struct publications *publications, const char *option, struct olos_error *error);

/* Compare with policy.ports. Returns 0, or -1 with `error` filled in if one is not allowed. */
int publish_check_policy(const struct publications *publications, const struct olos_policy *policy,
                         struct olos_error *error);

/* Whether all the host's addresses can be listened on now. Returns 0, or -1 with `error` filled in. */
int publish_check_free(const struct publications *publications, struct olos_error *error);
