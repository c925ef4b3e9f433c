#include "handshake.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "packet.h"

/* 64 KiB with the scale of passt. Its first segment says how much it is. */
#define WINDOW 255

_Static_assert(HANDSHAKE_ANSWER == ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr), "three headers");

/* RFC 9293, section 3.1: over a pseudo-header and the segment. */
static uint16_t checksum(const struct packet *asked, const struct tcphdr *segment)
{
    struct {
        uint32_t source, target;
        uint16_t protocol, length;
        struct tcphdr segment;
    } covered = {asked->ip.daddr, asked->ip.saddr, htons(IPPROTO_TCP), htons(sizeof *segment), *segment};
    return packet_checksum(&covered, sizeof covered);
}

size_t handshake_finish(const uint8_t *frame, size_t size, uint8_t answer[HANDSHAKE_ANSWER])
{
    struct packet packet;
    struct tcphdr accepts;
    if (!packet_read(frame, size, &packet) || packet.ip.protocol != IPPROTO_TCP || packet.size < sizeof accepts)
        return 0;
    memcpy(&accepts, packet.content, sizeof accepts);
    if (!accepts.syn || !accepts.ack)
        return 0;
    struct tcphdr segment = {
        .source = accepts.dest,
        .dest = accepts.source,
        .seq = accepts.ack_seq,
        .ack_seq = htonl(ntohl(accepts.seq) + 1),
        .doff = sizeof segment / 4,
        .ack = 1,
        .window = htons(WINDOW),
    };
    segment.check = checksum(&packet, &segment);
    return packet_answer(frame, packet.ip.daddr, IPPROTO_TCP, &segment, sizeof segment, answer);
}
