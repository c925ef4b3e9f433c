/* The network device that the app reaches the outside by (docs/network.md). */
#pragma once

#include "../common/manifest.h"

/* Give the device its address and route, if the policy wants a network and there is a device. What the
   policy does not ask for stays down, whatever the host has attached. Returns 0, or -1 with `error` filled in. */
int network_set_up(const struct olos_policy *policy, struct olos_error *error);
