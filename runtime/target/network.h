/* The app's network: a device of the kernel's, a relay that filters, and passt (docs/network.md). */
#pragma once

#include "passt.h"

struct network {
    bool used;
    bool outgoing, host_loopback; /* see frame_filter.h */
    struct passt passt;
    int kernel;         /* the kernel's end of its frames; -1 without a network */
    int frames, stream; /* the relay's ends: to the kernel, to passt */
    int stack;          /* passt's end */
    int report, ready;  /* both ends of a pipe: a byte when all is ready, its end when something has ended */
    int messages, said; /* both ends of a pipe: what passt has to say */
};

/* Whether the run wants a network, and if so all that it needs. Returns 0, or -1 with `error` filled in. */
int network_open(struct network *network, const struct publications *publications, bool host_loopback,
                 const struct olos_policy *policy, struct olos_error *error);

/* Start relay and passt, in the process group given, as children that end with the caller. Closes their descriptors. */
void network_start(const struct network *network, pid_t group);

/* The target's own descriptors stay, the others are closed. */
void network_leave(const struct network *network);

/* When `network->report` is readable: 0 if the network is ready now, or -1 with `error` filled in if it has
   failed. */
int network_read_report(const struct network *network, struct olos_error *error);
