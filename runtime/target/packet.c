#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

#define TTL 64

uint16_t packet_ethernet_type(const uint8_t *frame)
{
    return (uint16_t)(frame[2 * ETH_ALEN] << 8 | frame[2 * ETH_ALEN + 1]);
}

bool packet_read(const uint8_t *frame, size_t size, struct packet *packet)
{
    if (size < ETH_HLEN + sizeof packet->ip || packet_ethernet_type(frame) != ETHERTYPE_IP)
        return false;
    memcpy(&packet->ip, frame + ETH_HLEN, sizeof packet->ip);
    size_t length = ntohs(packet->ip.tot_len);
    if (packet->ip.version != 4 || 4u * packet->ip.ihl != sizeof packet->ip || length < sizeof packet->ip ||
        length > size - ETH_HLEN || ntohs(packet->ip.frag_off) & (IP_MF | IP_OFFMASK))
        return false;
    packet->content = frame + ETH_HLEN + sizeof packet->ip;
    packet->size = length - sizeof packet->ip;
    return true;
}

uint16_t packet_checksum(const void *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i += 2) {
        uint16_t word;
        memcpy(&word, (const uint8_t *)data + i, sizeof word);
        sum += word;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

size_t packet_answer(const uint8_t *frame, uint32_t source, uint8_t protocol, const void *content, size_t size,
                     uint8_t *answer)
{
    struct iphdr asked, ip = {
        .version = 4,
        .ihl = sizeof ip / 4,
        .ttl = TTL,
        .protocol = protocol,
        .tot_len = htons((uint16_t)(sizeof ip + size)),
        .saddr = source,
    };
    memcpy(&asked, frame + ETH_HLEN, sizeof asked);
    ip.daddr = asked.saddr;
    ip.check = packet_checksum(&ip, sizeof ip);
    memcpy(answer, frame + ETH_ALEN, ETH_ALEN);
    memcpy(answer + ETH_ALEN, frame, ETH_ALEN);
    memcpy(answer + 2 * ETH_ALEN, frame + 2 * ETH_ALEN, ETH_HLEN - 2 * ETH_ALEN);
    memcpy(answer + ETH_HLEN, &ip, sizeof ip);
    memcpy(answer + ETH_HLEN + sizeof ip, content, size);
    return ETH_HLEN + sizeof ip + size;
}
