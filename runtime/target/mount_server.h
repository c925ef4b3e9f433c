/* The server of host mounts: a process of its own that answers the FUSE messages of the guest's kernel from
   directories of the host (docs/mounts.md). */
#pragma once

#include "../include/olos/mounts.h"
#include "mount_call.h"

/* All that the server works on. */
struct mount_service {
    size_t count;
    struct mount_share shares[MOUNT_MAX];
    struct mount_owners owners;
    int requests, notices; /* its ends of the line */
    uint8_t *slots;
    uint32_t rights; /* of the caller, that the server keeps; see mount_confine.h */
    int self; /* /proc/self/fd of the server's own process */
};

/* Serve until the line ends (returns 0) or carries what is no message (returns -1). */
int mount_serve(const struct mount_service *service);
