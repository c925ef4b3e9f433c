/* The process of the mount server, from its start to its end. */
#pragma once

#include "lines.h"
#include "mount_sources.h"

struct mount_process {
    pid_t pid; /* 0: the policy has no host mounts */
    int life;  /* readable once the server has ended; -1 if there is none */
};

/* Start the server, if there is something to serve, with its ends of `lines`; the target keeps neither these nor
   the sources. What is the caller's belongs to the user of `app` inside. The server ends with the target, however
   that ends. Returns 0, or -1 with `error` filled in. */
int mount_process_start(struct mount_process *process, const struct mount_sources *sources,
                        const struct olos_app *app, struct lines *lines, struct olos_error *error);

/* End it, once the kernel has ended. */
void mount_process_end(struct mount_process *process);
