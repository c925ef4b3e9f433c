#include "frame_filter.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "../include/olos/network.h"
#include "packet.h"

#define QUOTED 8 /* bytes behind the header that ICMP gives back (RFC 792) */
#define FIRST_MULTICAST 224
#define LOOPBACK 127
#define MIXER UINT64_C(0x9e3779b97f4a7c15) /* odd, its bits without pattern: 2^64 by the golden ratio */

_Static_assert(FILTER_REFUSAL == ETH_HLEN + sizeof(struct iphdr) + ICMP_MINLEN + sizeof(struct iphdr) + QUOTED,
               "headers, and what is quoted of the packet");

static bool from_app(const struct packet *packet)
{
    return packet->ip.saddr == inet_addr(NETWORK_ADDRESS);
}

/* Loopback and "this network" would be the host's own; to many the app has nothing to say. */
static bool to_one_elsewhere(const struct packet *packet)
{
    uint32_t first = ntohl(packet->ip.daddr) >> 24;
    return first != 0 && first != LOOPBACK && first < FIRST_MULTICAST;
}

static bool has_port(const uint8_t ports[8192], uint16_t port)
{
    return ports[port / 8] >> port % 8 & 1;
}

static struct filter_peer peer_of(uint32_t address, uint16_t port, uint16_t own_port)
{
    return (struct filter_peer){address, port, own_port};
}

/* The one place of a peer in the table; a newer one takes it over. */
static size_t place_of(const struct filter_peer *peer)
{
    uint64_t mixed = ((uint64_t)peer->address << 32 | (uint32_t)peer->port << 16 | peer->own_port) * MIXER;
    return (mixed ^ mixed >> 32) * MIXER >> 40 & (FILTER_PEERS - 1);
}

static bool is_known(const struct frame_filter *filter, const struct filter_peer *peer)
{
    const struct filter_peer *found = &filter->peers[place_of(peer)];
    return found->address == peer->address && found->port == peer->port && found->own_port == peer->own_port;
}

static enum verdict judge_tcp(const struct frame_filter *filter, const struct packet *packet)
{
    struct tcphdr header;
    if (packet->size < sizeof header)
        return FRAME_DROP;
    memcpy(&header, packet->content, sizeof header);
    if (header.syn && !header.ack)
        return FRAME_REFUSE; /* it would open a connection */
    return has_port(filter->tcp, ntohs(header.source)) ? FRAME_PASS : FRAME_DROP;
}

static enum verdict judge_udp(const struct frame_filter *filter, const struct packet *packet)
{
    struct udphdr header;
    if (packet->size < sizeof header)
        return FRAME_DROP;
    memcpy(&header, packet->content, sizeof header);
    struct filter_peer peer = peer_of(packet->ip.daddr, header.dest, header.source);
    return has_port(filter->udp, ntohs(header.source)) && is_known(filter, &peer) ? FRAME_PASS : FRAME_REFUSE;
}

void filter_publish(struct frame_filter *filter, uint16_t port, bool udp)
{
    uint8_t *ports = udp ? filter->udp : filter->tcp;
    ports[port / 8] |= (uint8_t)(1u << port % 8);
}

enum verdict filter_outward(const struct frame_filter *filter, const uint8_t *frame, size_t size)
{
    struct packet packet;
    if (size >= ETH_HLEN && packet_ethernet_type(frame) == ETHERTYPE_ARP)
        return FRAME_PASS; /* ends in the user-mode stack */
    if (!packet_read(frame, size, &packet) || !from_app(&packet) || !to_one_elsewhere(&packet))
        return FRAME_DROP;
    if (filter->outgoing && (filter->host_loopback || packet.ip.daddr != inet_addr(NETWORK_GATEWAY)))
        return FRAME_PASS;
    switch (packet.ip.protocol) {
    case IPPROTO_TCP:
        return judge_tcp(filter, &packet);
    case IPPROTO_UDP:
        return judge_udp(filter, &packet);
    default:
        return FRAME_DROP;
    }
}

void filter_inward(struct frame_filter *filter, const uint8_t *frame, size_t size)
{
    struct packet packet;
    struct udphdr header;
    if (!packet_read(frame, size, &packet) || packet.ip.protocol != IPPROTO_UDP || packet.size < sizeof header)
        return;
    memcpy(&header, packet.content, sizeof header);
    struct filter_peer peer = peer_of(packet.ip.saddr, header.source, header.dest);
    filter->peers[place_of(&peer)] = peer;
}

size_t filter_refusal(const uint8_t *frame, uint8_t answer[FILTER_REFUSAL])
{
    struct {
        struct icmphdr header;
        uint8_t quoted[sizeof(struct iphdr) + QUOTED];
    } icmp = {.header = {.type = ICMP_DEST_UNREACH, .code = ICMP_PKT_FILTERED}};
    memcpy(icmp.quoted, frame + ETH_HLEN, sizeof icmp.quoted);
    icmp.header.checksum = packet_checksum(&icmp, sizeof icmp);
    return packet_answer(frame, inet_addr(NETWORK_GATEWAY), IPPROTO_ICMP, &icmp, sizeof icmp, answer);
}
