/* Reader of canonical JSON (RFC 8785) with integers only, over a buffer.

   The caller says what it expects, in canonical order: `json_open(j, '{')`, `json_key(j, "app")`, …,
   `json_close(j, '}')`. As keys are asked for one by one in sorted order, a missing, unknown, repeated or
   displaced key is an error, and as only one spelling of each value is read, so is any spelling that is
   not canonical. No recursion; memory only for the strings that the caller keeps. */
#pragma once

#include "util.h"

#define JSON_MAX_DEPTH 8
#define JSON_MAX_INTEGER ((UINT64_C(1) << 53) - 1)

struct json {
    const uint8_t *data;
    size_t size;
    size_t at;
    const char *where; /* what is read, for messages */
    struct olos_error *error;
    unsigned depth;
    bool first[JSON_MAX_DEPTH + 1]; /* by depth: no member or item has been read yet */
};

/* All functions return 0, or -1 with `error` filled in; after that the reader must not be used. */

void json_start(struct json *j, const void *data, size_t size, const char *where, struct olos_error *error);

/* Nothing follows the value. */
int json_end(struct json *j);

/* Begin and end of an object ('{', '}') or list ('[', ']'). */
int json_open(struct json *j, char bracket);
int json_close(struct json *j, char bracket);

/* The next key of the object is `key`; its value follows. */
int json_key(struct json *j, const char *key);

/* Whether the next key is this one; then its value follows, else nothing has been read. */
bool json_optional_key(struct json *j, const char *key);

/* 1 if another member of an object with keys of any kind follows: its key, in memory of its own; 0 if the end
   does. Keys are sorted if each is greater than the one before it, which is the caller's to check. */
int json_member(struct json *j, char **name);

/* 1 if another item of the list follows, 0 if its end does. */
int json_item(struct json *j);

/* A string without NUL, decoded into `text`, which has room for `room` bytes with the final NUL.
   `length` may be NULL. A room of `j->size - j->at` is always enough. */
int json_text(struct json *j, char *text, size_t room, size_t *length);

/* Whether the next value is a string. */
bool json_is_text(const struct json *j);

/* A string, in memory of its own. */
int json_new_text(struct json *j, char **text);

/* An integer from `low` to `high`, both included. */
int json_number(struct json *j, uint64_t low, uint64_t high, uint64_t *value);

int json_flag(struct json *j, bool *value);

/* One of `count` strings: its index. */
int json_choice(struct json *j, const char *const *choices, size_t count, unsigned *index);

/* 64 lower-case hexadecimal digits. */
int json_sha256(struct json *j, uint8_t value[32]);

/* An error at the present position, for checks of the caller's. Always returns -1. */
int json_refuse(struct json *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
