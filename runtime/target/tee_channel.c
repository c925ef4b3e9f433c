#include "tee_channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tee.h"

/* How much of a request is still to come, as far as is known. */
static size_t missing(const struct tee_channel *channel)
{
    struct tee_call_request head;
    if (channel->have < sizeof head)
        return sizeof head - channel->have;
    memcpy(&head, channel->pending, sizeof head);
    return head.size > TEE_MAX_BODY ? 0 : sizeof head + head.size - channel->have;
}

/* The line has room for one answer after the other: init reads each before it asks again. */
static int answer(struct tee_channel *channel)
{
    struct tee_call_request head;
    memcpy(&head, channel->pending, sizeof head);
    if (head.size > TEE_MAX_BODY)
        return -1;
    size_t size = 0;
    int code = tee_answer(head.kind, channel->pending + sizeof head, head.size, channel->slot, TEE_MAX_ANSWER, &size);
    const struct tee_call_answer answer = {
        .status = (uint32_t)-code, .size = code ? 0 : (uint32_t)size, .tag = head.tag};
    channel->have = 0;
    return write(channel->answers, &answer, sizeof answer) == sizeof answer ? 0 : -1;
}

int tee_channel_serve(struct tee_channel *channel)
{
    ssize_t count = read(channel->requests, channel->pending + channel->have, missing(channel));
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    if (count == 0) {
        close(channel->requests);
        channel->requests = -1;
        return 0;
    }
    channel->have += (size_t)count;
    return missing(channel) ? 0 : answer(channel);
}
