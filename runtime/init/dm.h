/* Device mapper (Linux Documentation/admin-guide/device-mapper). */
#pragma once

#include <sys/types.h>

#include "../common/util.h"

/* Make the read-only device `name` of one target. Sizes are in sectors of 512 bytes. Returns 0 with its
   number, or -1 with `error` filled in. */
int dm_create(const char *name, const char *target, const char *parameters, uint64_t sectors, dev_t *device,
              struct olos_error *error);
