/* Which Ethernet frames of the app's may reach the host (docs/network.md). Frames are hostile bytes.

   IPv4 only, no fragments, from the app's own address, not to a loopback address of the host. If the policy lets
   no connections out, only what answers a connection or datagram that came in through a published port. So it is
   with the gateway, too, behind which the stack has the host's loopback services, unless the host opens them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_PEERS 4096 /* a power of two */
#define FILTER_REFUSAL 70 /* bytes of a refusal at most */

struct filter_peer {
    uint32_t address; /* 0: none; all in network byte order */
    uint16_t port, own_port;
};

struct frame_filter {
    bool outgoing;      /* the policy lets connections out */
    bool host_loopback; /* the host lets them reach its loopback services */
    uint8_t tcp[8192], udp[8192]; /* published ports, a bit each */
    struct filter_peer peers[FILTER_PEERS]; /* who has sent datagrams to a published port */
};

enum verdict { FRAME_DROP, FRAME_PASS, FRAME_REFUSE };

void filter_publish(struct frame_filter *filter, uint16_t port, bool udp);

/* A frame from the app: to be passed on, dropped without a word, or refused. */
enum verdict filter_outward(const struct frame_filter *filter, const uint8_t *frame, size_t size);

/* The answer to a refused frame, so that the app need not wait for one: ICMP "administratively prohibited".
   Returns its size. */
size_t filter_refusal(const uint8_t *frame, uint8_t answer[FILTER_REFUSAL]);

/* A frame to the app: remember whom it may answer. */
void filter_inward(struct frame_filter *filter, const uint8_t *frame, size_t size);
