/* Resource limits of the app: those of every app, changed by policy.rlimits. */
#pragma once

#include "../common/manifest.h"

/* Set them for this process. Returns 0, or -1 with errno. */
int limits_set(const struct olos_policy *policy);
