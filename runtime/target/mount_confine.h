/* What the mount server may ask of the host: less than its caller, as it listens to the guest's kernel. */
#pragma once

#include "mount_server.h"

/* Give up all rights but those to the directories of the service. Returns 0, or -1 with errno set. Walls that the
   host does not offer (Landlock) are left out. */
int mount_confine(const struct mount_service *service);
