#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../include/olos/network.h"

static void put_address(struct sockaddr *place, in_addr_t address)
{
    struct sockaddr_in *internet = (struct sockaddr_in *)place;
    *internet = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = address};
}

static int set_address(int s, in_addr_t address, in_addr_t mask)
{
    struct ifreq request = {.ifr_name = NETWORK_DEVICE};
    put_address(&request.ifr_addr, address);
    if (ioctl(s, SIOCSIFADDR, &request))
        return -1;
    put_address(&request.ifr_netmask, mask);
    if (ioctl(s, SIOCSIFNETMASK, &request))
        return -1;
    request.ifr_flags = IFF_UP;
    return ioctl(s, SIOCSIFFLAGS, &request);
}

static int set_route(int s, in_addr_t gateway)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char[]){NETWORK_DEVICE}};
    put_address(&route.rt_dst, INADDR_ANY);
    put_address(&route.rt_genmask, INADDR_ANY);
    put_address(&route.rt_gateway, gateway);
    return ioctl(s, SIOCADDRT, &route);
}

int network_set_up(const struct olos_policy *policy, struct olos_error *error)
{
    struct ifreq device = {.ifr_name = NETWORK_DEVICE};
    if (!policy->outgoing && !policy->ports.count)
        return 0;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return olos_fail(error, OLOS_FAILED, "init: no socket: %s", strerror(errno));
    /* Without a device nothing is published in this run. */
    int failed = ioctl(s, SIOCGIFINDEX, &device) == 0 &&
                 (set_address(s, inet_addr(NETWORK_ADDRESS), htonl(~UINT32_C(0) << (32 - NETWORK_PREFIX))) ||
                  set_route(s, inet_addr(NETWORK_GATEWAY)));
    if (failed)
        olos_fail(error, OLOS_FAILED, "init: the network cannot be set up: %s", strerror(errno));
    close(s);
    return failed ? -1 : 0;
}
