#include "frame_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netinet/ether.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../common/util.h"
#include "../include/olos/network.h"
#include "handshake.h"

#define BATCH 16
#define LENGTH 4 /* bytes of the length before a frame of the stream */

/* Frames from the kernel, each with its length before it, as far as the stack has not taken them. */
static struct {
    uint8_t frames[BATCH][LENGTH + NETWORK_MAX_FRAME];
    struct iovec parts[BATCH];
    size_t count, first;
} outward;

/* Bytes from the stack, as far as the kernel has not taken them. */
static struct {
    uint8_t data[BATCH * (LENGTH + NETWORK_MAX_FRAME)];
    size_t start, end;
    bool blocked; /* the kernel takes no more for now */
} inward;

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* ---- from the kernel to the stack ---- */

/* As any frame, it may be lost. */
static void answer(const struct frame_relay *relay, const uint8_t *frame, size_t size)
{
    if (size)
        send(relay->kernel, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void queue(const struct frame_relay *relay, uint8_t *place, size_t size)
{
    uint8_t refusal[FILTER_REFUSAL], accepted[HANDSHAKE_ANSWER];
    uint32_t length = htonl((uint32_t)size);
    switch (filter_outward(&relay->filter, place + LENGTH, size)) {
    case FRAME_DROP:
        break;
    case FRAME_REFUSE:
        answer(relay, refusal, filter_refusal(place + LENGTH, refusal));
        break;
    case FRAME_PASS:
        memcpy(place, &length, LENGTH);
        outward.parts[outward.count++] = (struct iovec){place, LENGTH + size};
        answer(relay, accepted, handshake_finish(place + LENGTH, size, accepted));
    }
}

static int receive_frames(const struct frame_relay *relay)
{
    struct mmsghdr messages[BATCH] = {0};
    struct iovec places[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        places[i] = (struct iovec){outward.frames[i] + LENGTH, NETWORK_MAX_FRAME};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &places[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(relay->kernel, messages, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0)
        return would_block() ? 0 : -1;
    outward.count = outward.first = 0;
    for (int i = 0; i < count; i++) {
        if (!messages[i].msg_len)
            return -1; /* the end */
        if (!(messages[i].msg_hdr.msg_flags & MSG_TRUNC))
            queue(relay, outward.frames[i], messages[i].msg_len);
    }
    return 0;
}

static int send_stream(const struct frame_relay *relay)
{
    struct msghdr message = {.msg_iov = outward.parts + outward.first, .msg_iovlen = (int)(outward.count - outward.first)};
    ssize_t sent = sendmsg(relay->stack, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return would_block() ? 0 : -1;
    for (size_t left = (size_t)sent; left;) {
        struct iovec *part = &outward.parts[outward.first];
        size_t done = left < part->iov_len ? left : part->iov_len;
        part->iov_base = (uint8_t *)part->iov_base + done;
        part->iov_len -= done;
        left -= done;
        if (!part->iov_len)
            outward.first++;
    }
    return 0;
}

static int move_outward(const struct frame_relay *relay)
{
    if (outward.first == outward.count && receive_frames(relay))
        return -1;
    return outward.first < outward.count ? send_stream(relay) : 0;
}

/* ---- from the stack to the kernel ---- */

static int receive_stream(const struct frame_relay *relay)
{
    memmove(inward.data, inward.data + inward.start, inward.end - inward.start);
    inward.end -= inward.start;
    inward.start = 0;
    ssize_t count = recv(relay->stack, inward.data + inward.end, sizeof inward.data - inward.end, MSG_DONTWAIT);
    if (count <= 0)
        return count < 0 && would_block() ? 0 : -1;
    inward.end += (size_t)count;
    return 0;
}

/* The next whole frame at `*at`. Returns 1, or 0 if there is none yet, or -1 if its length is none. */
static int next_frame(size_t *at, struct iovec *frame)
{
    uint32_t length;
    if (inward.end - *at < LENGTH)
        return 0;
    memcpy(&length, inward.data + *at, LENGTH);
    length = ntohl(length);
    if (length < ETH_HLEN || length > NETWORK_MAX_FRAME)
        return -1;
    if (inward.end - *at - LENGTH < length)
        return 0;
    *frame = (struct iovec){inward.data + *at + LENGTH, length};
    *at += LENGTH + length;
    return 1;
}

/* Send what has come of up to a batch of frames. Returns how many were sent, or -1 at the end. */
static int send_batch(struct frame_relay *relay)
{
    struct mmsghdr messages[BATCH] = {0};
    struct iovec frames[BATCH];
    int count = 0, more = 0;
    for (size_t at = inward.start; count < BATCH && (more = next_frame(&at, &frames[count])) > 0; count++)
        messages[count].msg_hdr = (struct msghdr){.msg_iov = &frames[count], .msg_iovlen = 1};
    if (more < 0)
        return -1;
    /* musl's function of that name makes a system call for each message */
    int sent = count ? (int)syscall(SYS_sendmmsg, relay->kernel, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent < 0 && !would_block())
        return -1;
    inward.blocked = sent < count;
    for (int i = 0; i < sent; i++) {
        filter_inward(&relay->filter, frames[i].iov_base, frames[i].iov_len);
        inward.start += LENGTH + frames[i].iov_len;
    }
    return sent < 0 ? 0 : sent;
}

static int move_inward(struct frame_relay *relay)
{
    if (!inward.blocked && receive_stream(relay))
        return -1;
    int sent;
    while ((sent = send_batch(relay)) == BATCH)
        ;
    return sent < 0 ? -1 : 0;
}

/* ---- start ---- */

/* An ARP request (RFC 826) in the name of the app. The answer says that the stack is there and that its ports are
   open; and the stack learns from it where the app is. */
static int greet(const struct frame_relay *relay)
{
    struct {
        uint32_t length;
        struct ether_header ethernet;
        struct ether_arp arp;
    } __attribute__((packed)) message = {
        .length = htonl(sizeof message - LENGTH),
        .ethernet.ether_type = htons(ETHERTYPE_ARP),
        .arp.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, sizeof(struct in_addr), htons(ARPOP_REQUEST)},
    };
    struct in_addr own = {inet_addr(NETWORK_ADDRESS)}, gateway = {inet_addr(NETWORK_GATEWAY)};
    const struct ether_addr *address = ether_aton(NETWORK_MAC);
    memset(message.ethernet.ether_dhost, 0xff, ETH_ALEN);
    memcpy(message.ethernet.ether_shost, address, ETH_ALEN);
    memcpy(message.arp.arp_sha, address, ETH_ALEN);
    memcpy(message.arp.arp_spa, &own, sizeof own);
    memcpy(message.arp.arp_tpa, &gateway, sizeof gateway);
    return send(relay->stack, &message, sizeof message, MSG_NOSIGNAL) == sizeof message ? 0 : -1;
}

static int await_stack(const struct frame_relay *relay)
{
    struct pollfd wait = {.fd = relay->stack, .events = POLLIN};
    size_t at = 0;
    struct iovec answer;
    if (greet(relay))
        return -1;
    while (next_frame(&at, &answer) == 0)
        if (poll(&wait, 1, -1) < 0 || receive_stream(relay))
            return -1;
    inward.start = at;
    return write(relay->report, "", 1) == 1 ? 0 : -1;
}

static int serve(struct frame_relay *relay)
{
    bool pending = outward.first < outward.count;
    struct pollfd waits[] = {
        {.fd = relay->kernel, .events = (short)((pending ? 0 : POLLIN) | (inward.blocked ? POLLOUT : 0))},
        {.fd = relay->stack, .events = (short)((pending ? POLLOUT : 0) | (inward.blocked ? 0 : POLLIN))},
    };
    if (poll(waits, 2, -1) < 0)
        return errno == EINTR ? 0 : -1;
    if ((waits[0].revents | waits[1].revents) & (POLLERR | POLLHUP | POLLNVAL))
        return -1;
    if ((pending ? waits[1].revents & POLLOUT : waits[0].revents & POLLIN) && move_outward(relay))
        return -1;
    if ((inward.blocked ? waits[0].revents & POLLOUT : waits[1].revents & POLLIN) && move_inward(relay))
        return -1;
    return 0;
}

_Noreturn void frame_relay_run(struct frame_relay *relay)
{
    if (await_stack(relay) == 0)
        while (serve(relay) == 0)
            ;
    _exit(OLOS_FAILED);
}
