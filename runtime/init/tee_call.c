#include "tee_call.h"

#include <errno.h>
#include <string.h>

#include "control.h"
#include "input.h"

#define SECTOR 512

static struct {
    int line, slot;
    uint64_t tag;
} state;

int tee_call_open(struct olos_error *error)
{
    state.line = line_open(CONTROL_TEE, 0, error);
    state.slot = state.line < 0 ? -1 : input_open(error);
    return state.slot < 0 ? -1 : 0;
}

static int send(enum tee_call_kind kind, const void *body, size_t size)
{
    uint8_t message[sizeof(struct tee_call_request) + TEE_MAX_BODY];
    const struct tee_call_request head = {.kind = kind, .size = (uint32_t)size, .tag = ++state.tag};
    if (size > TEE_MAX_BODY)
        return -EINVAL;
    memcpy(message, &head, sizeof head);
    if (size)
        memcpy(message + sizeof head, body, size);
    return write_full(state.line, message, sizeof head + size) < 0 ? -EIO : 0;
}

/* What an app may learn of a failure of the TEE. */
static int translate(uint32_t status)
{
    switch (status) {
    case ENOKEY:
    case EPERM:
    case EINVAL:
        return -(int)status;
    default:
        return -EIO;
    }
}

static int take(void *answer, size_t size)
{
    /* Direct reading, as the host changes what is in the slot, needs memory on whole sectors. */
    static _Alignas(4096) uint8_t buffer[TEE_MAX_ANSWER];
    size_t rounded = (size + SECTOR - 1) / SECTOR * SECTOR;
    if (pread_full(state.slot, buffer, rounded, CONTROL_TEE_SLOT) != (ssize_t)rounded)
        return -EIO;
    memcpy(answer, buffer, size);
    explicit_bzero(buffer, rounded); /* it may be a key */
    return 0;
}

int tee_call(enum tee_call_kind kind, const void *body, size_t size, void *answer, size_t room, size_t *answer_size)
{
    struct tee_call_answer head;
    int code = send(kind, body, size);
    if (code)
        return code;
    if (read_full(state.line, &head, sizeof head) != sizeof head || head.tag != state.tag ||
        head.size > TEE_MAX_ANSWER)
        return -EIO;
    if (head.status)
        return translate(head.status);
    *answer_size = head.size;
    return head.size > room ? -ERANGE : take(answer, head.size);
}
