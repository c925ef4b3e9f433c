/* The network between the app and the host, as the linux target and its init both know it (docs/network.md).
   All of it is fixed, so that the host has nothing to tell init about it. */
#pragma once

#define NETWORK_DEVICE "vec0"
#define NETWORK_MTU 65500 /* large frames are what makes it fast */
#define NETWORK_MAX_FRAME 65535

/* IPv4: 10.0.2.0/24, as in other user-mode networks. */
#define NETWORK_ADDRESS "10.0.2.15"
#define NETWORK_PREFIX 24
#define NETWORK_GATEWAY "10.0.2.2"
#define NETWORK_RESOLVER "10.0.2.3" /* passes queries on to the host's resolver */

#define NETWORK_MAC "52:55:0a:00:02:0f"
#define NETWORK_GATEWAY_MAC "52:55:0a:00:02:02"
