/* The process of the mount server, from its start to its end. */
#pragma once

#include "lines.h"
#include "mount_sources.h"

struct mount_process {
    pid_t pid; /* 0: the policy has no host mounts */
    int life;  /* readable once the server has ended; -1 if there is none */
};

struct mount_setting {
    const struct olos_app *app;  /* whose user owns what is the caller's */
    const char *empty_directory; /* where one can be made for a moment */
};

/* Start the server, if there is something to serve, with its ends of `lines`; the target keeps neither these nor
   the sources. It ends with the target, however that ends. Returns 0, or -1 with `error` filled in. */
int mount_process_start(struct mount_process *process, const struct mount_sources *sources,
                        const struct mount_setting *setting, struct lines *lines, struct olos_error *error);

/* End it, once the kernel has ended. */
void mount_process_end(struct mount_process *process);
