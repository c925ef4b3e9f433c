#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_start(struct json *j, const void *data, size_t size, const char *where, struct olos_error *error)
{
    *j = (struct json){.data = data, .size = size, .where = where, .error = error, .first = {true}};
}

int json_refuse(struct json *j, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return olos_fail(j->error, OLOS_INPUT, "%s: byte %zu: %s", j->where, j->at, text);
}

/* The byte at the present position, or -1 at the end. */
static int peek(const struct json *j)
{
    return j->at < j->size ? j->data[j->at] : -1;
}

static int expect(struct json *j, const char *literal)
{
    size_t length = strlen(literal);
    if (j->size - j->at < length || memcmp(j->data + j->at, literal, length) != 0)
        return json_refuse(j, "expected %s, in canonical form (RFC 8785)", literal);
    j->at += length;
    return 0;
}

int json_end(struct json *j)
{
    return j->at == j->size ? 0 : json_refuse(j, "something follows the end");
}

int json_open(struct json *j, char bracket)
{
    if (j->depth == JSON_MAX_DEPTH)
        return json_refuse(j, "nested too deeply");
    if (expect(j, bracket == '{' ? "{" : "["))
        return -1;
    j->first[++j->depth] = true;
    return 0;
}

int json_close(struct json *j, char bracket)
{
    if (bracket == '}' && peek(j) == ',')
        return json_refuse(j, "an unknown key, or one that is not in its place");
    if (expect(j, bracket == '}' ? "}" : "]"))
        return -1;
    j->depth--;
    return 0;
}

/* The comma before every member or item but the first. */
static int separate(struct json *j)
{
    if (!j->first[j->depth] && expect(j, ","))
        return -1;
    j->first[j->depth] = false;
    return 0;
}

/* Whether `"key":` stands at a position. */
static bool is_key(const struct json *j, size_t position, const char *key)
{
    size_t length = strlen(key);
    const uint8_t *at = j->data + position;
    return j->size - position >= length + 3 && at[0] == '"' && memcmp(at + 1, key, length) == 0 &&
           at[length + 1] == '"' && at[length + 2] == ':';
}

int json_key(struct json *j, const char *key)
{
    if (peek(j) == '}')
        return json_refuse(j, "key \"%s\" is missing", key);
    if (separate(j))
        return -1;
    if (!is_key(j, j->at, key))
        return json_refuse(j, "expected key \"%s\"; keys are sorted, none is missing, unknown or there twice", key);
    j->at += strlen(key) + 3;
    return 0;
}

bool json_optional_key(struct json *j, const char *key)
{
    size_t at = j->at + !j->first[j->depth];
    return (j->first[j->depth] || peek(j) == ',') && at < j->size && is_key(j, at, key) && json_key(j, key) == 0;
}

int json_member(struct json *j, char **name)
{
    *name = NULL;
    if (peek(j) == '}')
        return 0;
    if (separate(j) || json_new_text(j, name) || expect(j, ":")) {
        free(*name);
        return -1;
    }
    return 1;
}

int json_item(struct json *j)
{
    if (peek(j) == ']')
        return 0;
    return separate(j) ? -1 : 1;
}

/* The character behind a backslash, 0 if it is none of the short forms. */
static char short_escape(int c)
{
    static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
    const char *found = c > 0 ? strchr(from, c) : NULL;
    return found ? to[found - from] : 0;
}

/* \u00XX of a control character that has no short form: the only use of \u that is canonical. */
static char long_escape(const struct json *j)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = j->data + j->at;
    if (j->size - j->at < 5 || memcmp(at, "u00", 3) != 0 || (at[3] != '0' && at[3] != '1'))
        return 0;
    const char *low = memchr(digits, at[4], 16);
    int value = low ? (at[3] - '0') * 16 + (int)(low - digits) : 0;
    return value && !strchr("\b\f\n\r\t", value) ? (char)value : 0;
}

/* Decode one character of a string into `text`: the number of bytes, or -1. */
static int read_character(struct json *j, char text[4])
{
    int c = peek(j);
    if (c < 0x20)
        return json_refuse(j, c < 0 ? "the string has no end" : "a control character in a string");
    if (c != '\\') {
        size_t length = utf8_length(j->data + j->at, j->size - j->at);
        if (!length)
            return json_refuse(j, "not UTF-8");
        memcpy(text, j->data + j->at, length);
        j->at += length;
        return (int)length;
    }
    j->at++;
    text[0] = short_escape(peek(j));
    size_t length = text[0] ? 1 : 5;
    if (!text[0])
        text[0] = long_escape(j);
    if (!text[0])
        return json_refuse(j, "an escape that is not canonical (RFC 8785), or NUL");
    j->at += length;
    return 1;
}

int json_text(struct json *j, char *text, size_t room, size_t *length)
{
    size_t used = 0;
    if (peek(j) != '"')
        return json_refuse(j, "expected a string");
    j->at++;
    while (peek(j) != '"') {
        char character[4];
        int count = read_character(j, character);
        if (count < 0)
            return -1;
        if (used + (size_t)count >= room)
            return json_refuse(j, "the string is too long");
        memcpy(text + used, character, (size_t)count);
        used += (size_t)count;
    }
    j->at++;
    text[used] = 0;
    if (length)
        *length = used;
    return 0;
}

bool json_is_text(const struct json *j)
{
    return peek(j) == '"';
}

/* How much room the string at the present position needs at most, with its final NUL. */
static size_t text_room(const struct json *j)
{
    size_t at = j->at + 1;
    while (at < j->size && j->data[at] != '"')
        at += j->data[at] == '\\' ? 2 : 1;
    return at - j->at + 1;
}

int json_new_text(struct json *j, char **text)
{
    size_t room = text_room(j);
    *text = allocate(room, 1);
    return json_text(j, *text, room, NULL);
}

int json_number(struct json *j, uint64_t low, uint64_t high, uint64_t *value)
{
    size_t start = j->at;
    uint64_t number = 0;
    for (int c; (c = peek(j)) >= '0' && c <= '9' && number <= JSON_MAX_INTEGER; j->at++)
        number = 10 * number + (uint64_t)(c - '0');
    int next = peek(j);
    if (j->at == start || next == '.' || next == 'e' || next == 'E')
        return json_refuse(j, "expected a whole number that is not negative");
    if (j->data[start] == '0' && j->at > start + 1)
        return json_refuse(j, "a number with a leading zero");
    if (number < low || number > high || number > JSON_MAX_INTEGER)
        return json_refuse(j, "a number that is not from %" PRIu64 " to %" PRIu64, low, high);
    *value = number;
    return 0;
}

int json_flag(struct json *j, bool *value)
{
    *value = peek(j) == 't';
    if (!*value && peek(j) != 'f')
        return json_refuse(j, "expected true or false");
    return expect(j, *value ? "true" : "false");
}

int json_choice(struct json *j, const char *const *choices, size_t count, unsigned *index)
{
    char text[64];
    if (json_text(j, text, sizeof text, NULL))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, choices[i]) == 0) {
            *index = (unsigned)i;
            return 0;
        }
    return json_refuse(j, "\"%s\" is none of the values that are allowed here", text);
}

int json_sha256(struct json *j, uint8_t value[32])
{
    char text[65];
    if (json_text(j, text, sizeof text, NULL))
        return -1;
    return unhex_sha256(text, value) ? json_refuse(j, "not 64 lower-case hexadecimal digits") : 0;
}
