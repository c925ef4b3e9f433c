#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../include/olos/network.h"

#define LEAST_TIMEOUT_MS 20

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

/* A message of rtnetlink(7) that makes a route, as it grows. */
struct route_request {
    struct nlmsghdr head;
    struct rtmsg route;
    uint8_t attributes[64];
};

static void append(struct route_request *request, unsigned short type, const void *data, size_t size)
{
    const struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};
    uint8_t *at = (uint8_t *)request + request->head.nlmsg_len;
    memcpy(at, &attribute, sizeof attribute);
    memcpy(at + RTA_LENGTH(0), data, size);
    request->head.nlmsg_len += (uint32_t)RTA_SPACE(size);
}

/* TCP sends again after 20 ms, and not 200, if it does not know that the other side takes longer: the user-mode stack
   forgets to acknowledge some segments until the next one comes. */
static void append_metrics(struct route_request *request)
{
    const struct {
        struct rtattr locked;
        uint32_t which;
        struct rtattr least;
        uint32_t milliseconds;
    } metrics = {{RTA_LENGTH(sizeof(uint32_t)), RTAX_LOCK}, 1u << RTAX_RTO_MIN,
                 {RTA_LENGTH(sizeof(uint32_t)), RTAX_RTO_MIN}, LEAST_TIMEOUT_MS};
    append(request, RTA_METRICS, &metrics, sizeof metrics);
}

static int make_route(int netlink, int device, in_addr_t target, in_addr_t gateway)
{
    struct route_request request = {
        .head = {.nlmsg_len = offsetof(struct route_request, attributes),
                 .nlmsg_type = RTM_NEWROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .route = {.rtm_family = AF_INET,
                  .rtm_dst_len = target ? 32 : 0,
                  .rtm_table = RT_TABLE_MAIN,
                  .rtm_protocol = RTPROT_BOOT,
                  .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                  .rtm_type = RTN_UNICAST},
    };
    struct {
        struct nlmsghdr head;
        struct nlmsgerr result;
        uint8_t more[256]; /* the request, if it is wrong */
    } answer;
    if (target)
        append(&request, RTA_DST, &target, sizeof target);
    if (gateway)
        append(&request, RTA_GATEWAY, &gateway, sizeof gateway);
    append(&request, RTA_OIF, &device, sizeof device);
    append_metrics(&request);
    if (send(netlink, &request, request.head.nlmsg_len, 0) < 0 ||
        recv(netlink, &answer, sizeof answer, 0) < (ssize_t)(sizeof answer.head + sizeof answer.result))
        return -1;
    errno = -answer.result.error;
    return errno ? -1 : 0;
}

/* To the gateway, as whom the clients of published ports appear, and by it to all others. */
static int set_routes(int device, in_addr_t gateway)
{
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0)
        return -1;
    int failed = make_route(netlink, device, gateway, 0) || make_route(netlink, device, 0, gateway);
    close(netlink);
    return failed ? -1 : 0;
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
                  set_routes(device.ifr_ifindex, inet_addr(NETWORK_GATEWAY)));
    if (failed)
        olos_fail(error, OLOS_FAILED, "init: the network cannot be set up: %s", strerror(errno));
    close(s);
    return failed ? -1 : 0;
}
