/* What the mount server may ask of the host: less than its caller, as it listens to the guest's kernel. */
#pragma once

#include "mount_server.h"

/* The capabilities by which root reads and writes what others own: the server keeps those that its caller has. */
uint32_t mount_rights(void);

/* Give up all rights but those to the directories of the service. Returns 0, or -1 with errno set. Walls that the
   host does not offer (Landlock, another root) are left out. */
int mount_confine(const struct mount_service *service);
