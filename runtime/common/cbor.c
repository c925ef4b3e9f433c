#include "cbor.h"

#include <errno.h>
#include <string.h>

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

#define TRUE 21
#define BYTE_FOLLOWS 24 /* as the number in the first byte; then 2, 4 and 8 bytes */

/* ---- writing ---- */

static void put(struct cbor_writer *w, const void *data, size_t size)
{
    if (w->full || size > w->room - w->size) {
        w->full = true;
        return;
    }
    if (size)
        memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void put_head(struct cbor_writer *w, enum major major, uint64_t number)
{
    uint8_t head[9];
    unsigned step = number < 24 ? 0 : number <= UINT8_MAX ? 1 : number <= UINT16_MAX ? 2 : number <= UINT32_MAX ? 3 : 4;
    size_t width = step ? (size_t)1 << (step - 1) : 0;
    head[0] = (uint8_t)((unsigned)major << 5 | (step ? BYTE_FOLLOWS + step - 1 : (unsigned)number));
    for (size_t i = 0; i < width; i++)
        head[1 + i] = (uint8_t)(number >> 8 * (width - 1 - i));
    put(w, head, 1 + width);
}

void cbor_put_array(struct cbor_writer *w, size_t count)
{
    put_head(w, ARRAY, count);
}

void cbor_put_map(struct cbor_writer *w, size_t count)
{
    put_head(w, MAP, count);
}

void cbor_put_tag(struct cbor_writer *w, uint64_t tag)
{
    put_head(w, TAG, tag);
}

void cbor_put_integer(struct cbor_writer *w, int64_t value)
{
    put_head(w, value < 0 ? NEGATIVE : UNSIGNED, value < 0 ? ~(uint64_t)value : (uint64_t)value);
}

void cbor_put_bytes(struct cbor_writer *w, const void *data, size_t size)
{
    put_head(w, BYTES, size);
    put(w, data, size);
}

void cbor_put_text(struct cbor_writer *w, const char *text)
{
    put_head(w, TEXT, strlen(text));
    put(w, text, strlen(text));
}

void cbor_put_true(struct cbor_writer *w)
{
    put_head(w, SIMPLE, TRUE);
}

/* ---- reading ---- */

static size_t left(const struct cbor_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* Of this kind: its number, in its shortest form. */
static int take_head(struct cbor_reader *r, enum major major, uint64_t *number)
{
    if (!left(r) || *r->at >> 5 != major)
        return -EBADMSG;
    unsigned first = *r->at++ & 31;
    *number = first;
    if (first < BYTE_FOLLOWS)
        return 0;
    size_t width = (size_t)1 << (first - BYTE_FOLLOWS);
    if (major == SIMPLE || first > 27 || left(r) < width)
        return -EBADMSG;
    *number = 0;
    for (size_t i = 0; i < width; i++)
        *number = *number << 8 | *r->at++;
    return *number < BYTE_FOLLOWS || (width > 1 && *number >> 4 * width == 0) ? -EBADMSG : 0;
}

static int take_string(struct cbor_reader *r, enum major major, const uint8_t **data, size_t *size)
{
    uint64_t number;
    if (take_head(r, major, &number) || number > left(r))
        return -EBADMSG;
    *data = r->at;
    *size = (size_t)number;
    r->at += number;
    return 0;
}

static int take_number(struct cbor_reader *r, enum major major, uint64_t expected)
{
    uint64_t number;
    return take_head(r, major, &number) || number != expected ? -EBADMSG : 0;
}

int cbor_take_tag(struct cbor_reader *r, uint64_t expected)
{
    return take_number(r, TAG, expected);
}

int cbor_take_array(struct cbor_reader *r, size_t count)
{
    return take_number(r, ARRAY, count);
}

int cbor_take_map(struct cbor_reader *r, size_t *count)
{
    uint64_t number;
    if (take_head(r, MAP, &number) || number > left(r))
        return -EBADMSG;
    *count = (size_t)number;
    return 0;
}

int cbor_take_integer(struct cbor_reader *r, int64_t *value)
{
    uint64_t number;
    bool negative = left(r) && *r->at >> 5 == NEGATIVE;
    if (take_head(r, negative ? NEGATIVE : UNSIGNED, &number) || number > INT64_MAX)
        return -EBADMSG;
    *value = negative ? -1 - (int64_t)number : (int64_t)number;
    return 0;
}

int cbor_take_bytes(struct cbor_reader *r, const uint8_t **data, size_t *size)
{
    return take_string(r, BYTES, data, size);
}

int cbor_take_exactly(struct cbor_reader *r, uint8_t *copy, size_t size)
{
    const uint8_t *data;
    size_t found;
    if (cbor_take_bytes(r, &data, &found) || found != size)
        return -EBADMSG;
    memcpy(copy, data, size);
    return 0;
}

int cbor_take_text(struct cbor_reader *r, const char *expected)
{
    const uint8_t *data;
    size_t size;
    return take_string(r, TEXT, &data, &size) || size != strlen(expected) || memcmp(data, expected, size) ? -EBADMSG
                                                                                                         : 0;
}

int cbor_take_true(struct cbor_reader *r)
{
    return take_number(r, SIMPLE, TRUE);
}

/* Numbers from 0 upward, then from -1 downward: the order of their encodings. */
int cbor_take_key(struct cbor_reader *r, uint64_t *last, int64_t *key)
{
    if (cbor_take_integer(r, key))
        return -EBADMSG;
    uint64_t rank = *key < 0 ? ((uint64_t)1 << 63) + ~(uint64_t)*key : (uint64_t)*key;
    if (*last != CBOR_NO_KEY && rank <= *last)
        return -EBADMSG;
    *last = rank;
    return 0;
}

int cbor_end(const struct cbor_reader *r)
{
    return left(r) ? -EBADMSG : 0;
}
