/* What the kernel would do or show for the app, and does not need to. */
#pragma once

#include <sys/mount.h>

#include "../common/util.h"

#define PRIVATE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Write a setting of the kernel. Returns 0 or a negative errno. */
int write_setting(const char *path, const char *value);

/* Once /proc and /dev are there: settings, read-only and hidden parts of /proc, and no word of the host. Returns 0, or
   -1 with `error` filled in. */
int protect_kernel(struct olos_error *error);

/* From processes with the same user in all places anybody may take resources away: root could from init. So it gets
   another saved user. Returns 0, or -1 with `error` filled in. */
int protect_init(struct olos_error *error);
