/* The directories of the host that the caller gives for the host mounts of the policy: --olos-mount. */
#pragma once

#include "../common/manifest.h"
#include "../include/olos/mounts.h"

struct mount_sources {
    size_t count; /* as many as the policy has host mounts, in its order */
    struct {
        int directory; /* O_PATH */
        bool read_only;
    } items[MOUNT_MAX];
};

/* Open what was given as TARGET=SOURCE. Returns 0, or -1 with `error` filled in: if a mount of the policy
   has no source or two, if there is a source too many, or if one is not a directory that the caller may
   read, and write if the policy wants it. */
int mount_sources_open(struct mount_sources *sources, const struct olos_policy *policy,
                       const struct olos_texts *given, struct olos_error *error);
