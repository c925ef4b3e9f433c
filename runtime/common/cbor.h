/* CBOR (RFC 8949) in its deterministic form (section 4.2.1): what evidence is made of, and nothing lax. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_TAG_SIGN1 18 /* COSE_Sign1 (RFC 9052, section 4.2) */

struct cbor_writer {
    uint8_t *data;
    size_t size, room;
    bool full; /* something had no room; the rest is not written */
};

void cbor_put_array(struct cbor_writer *w, size_t count);
void cbor_put_map(struct cbor_writer *w, size_t count);
void cbor_put_tag(struct cbor_writer *w, uint64_t tag);
void cbor_put_integer(struct cbor_writer *w, int64_t value);
void cbor_put_bytes(struct cbor_writer *w, const void *data, size_t size);
void cbor_put_text(struct cbor_writer *w, const char *text);
void cbor_put_true(struct cbor_writer *w);

/* A run of bytes that are encoded in others. */
struct cbor_part {
    const uint8_t *data;
    size_t size;
};

/* A position in bytes from outside, which must outlive what is taken of them. */
struct cbor_reader {
    const uint8_t *at, *end;
};

/* Take the next item. Each returns 0, or -EBADMSG if it is of another kind, not in its shortest form, or cut off. */
int cbor_take_tag(struct cbor_reader *r, uint64_t expected);
int cbor_take_array(struct cbor_reader *r, size_t count);
int cbor_take_map(struct cbor_reader *r, size_t *count);
int cbor_take_integer(struct cbor_reader *r, int64_t *value);
int cbor_take_bytes(struct cbor_reader *r, const uint8_t **data, size_t *size);
int cbor_take_exactly(struct cbor_reader *r, uint8_t *copy, size_t size); /* that many bytes */
int cbor_take_text(struct cbor_reader *r, const char *expected);
int cbor_take_true(struct cbor_reader *r);

/* The next key of a map, a number, which must come behind `*last` in the deterministic order, and becomes it. Before
   the first key `*last` is CBOR_NO_KEY. */
#define CBOR_NO_KEY UINT64_MAX
int cbor_take_key(struct cbor_reader *r, uint64_t *last, int64_t *key);

/* Returns 0 at the end, or -EBADMSG. */
int cbor_end(const struct cbor_reader *r);
