/* IPv4 packets in Ethernet frames. */
#pragma once

#include <net/ethernet.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
    struct iphdr ip;
    const uint8_t *content; /* behind the header */
    size_t size;
};

/* Of a frame that has a whole Ethernet header. */
uint16_t packet_ethernet_type(const uint8_t *frame);

/* RFC 791, section 3.1. False if a frame holds no whole packet, or one with options, or a fragment. */
bool packet_read(const uint8_t *frame, size_t size, struct packet *packet);

/* The Internet checksum (RFC 1071) over an even number of bytes. */
uint16_t packet_checksum(const void *data, size_t size);

/* The frame that answers another one with such content, from an address in network byte order. Returns its size. */
size_t packet_answer(const uint8_t *frame, uint32_t source, uint8_t protocol, const void *content, size_t size,
                     uint8_t *answer);
