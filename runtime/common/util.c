#include "util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- text ---- */

size_t utf8_length(const uint8_t *b, size_t room)
{
    uint8_t low = 0x80, high = 0xbf; /* of the second byte: no overlong forms, surrogates, > U+10FFFF */
    size_t length = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (length < 2 || length > room)
        return length > room ? 0 : length;
    if (b[0] == 0xe0)
        low = 0xa0;
    else if (b[0] == 0xed)
        high = 0x9f;
    else if (b[0] == 0xf0)
        low = 0x90;
    else if (b[0] == 0xf4)
        high = 0x8f;
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (b[i] < 0x80 || b[i] > 0xbf)
            return 0;
    return length;
}

/* Whether a character acts on a terminal: controls, C1 controls (U+0080 to U+009F), and those from U+200B to
   U+206F that have no shape, break lines or turn the direction of writing. */
static bool acts_on_terminal(const uint8_t *c, size_t length)
{
    if (length == 1)
        return *c < ' ' || *c == 0x7f;
    if (length == 2)
        return c[0] == 0xc2 && c[1] < 0xa0;
    return length == 3 && c[0] == 0xe2 &&
           (c[1] == 0x80 ? (c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae)
                         : c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xaf);
}

void make_visible(char *text)
{
    size_t left = strlen(text), length;
    for (uint8_t *at = (uint8_t *)text; left; at += length, left -= length) {
        length = utf8_length(at, left);
        bool inner_line = *at == '\n' && at[1] == ' ' && at[2] == ' ';
        if (length && (inner_line || !acts_on_terminal(at, length)))
            continue;
        length = length ? length : 1;
        memset(at, '?', length);
    }
}

/* ---- errors ---- */

static void describe(struct olos_error *error, enum olos_exit code, const char *format, va_list arguments)
{
    error->code = code;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    make_visible(error->text);
}

int olos_fail(struct olos_error *error, enum olos_exit code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    describe(error, code, format, arguments);
    va_end(arguments);
    return -1;
}

static void append_values(struct olos_error *error, const char *expected, const char *actual)
{
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used,
             " does not match\n  expected %s\n  actual   %s", expected, actual);
}

int olos_mismatch(struct olos_error *error, const char *expected, const char *actual, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    describe(error, OLOS_MISMATCH, format, arguments);
    va_end(arguments);
    append_values(error, expected, actual);
    return -1;
}

int olos_mismatch_sha256(struct olos_error *error, const uint8_t expected[32], const uint8_t actual[32],
                         const char *format, ...)
{
    char expected_text[65], actual_text[65];
    hex_sha256(expected, expected_text);
    hex_sha256(actual, actual_text);
    va_list arguments;
    va_start(arguments, format);
    describe(error, OLOS_MISMATCH, format, arguments);
    va_end(arguments);
    append_values(error, expected_text, actual_text);
    return -1;
}

void olos_die(const struct olos_error *error)
{
    dprintf(STDERR_FILENO, "olos: %s\n", error->text);
    exit(error->code);
}

void die(enum olos_exit code, const char *format, ...)
{
    struct olos_error error;
    va_list arguments;
    va_start(arguments, format);
    describe(&error, code, format, arguments);
    va_end(arguments);
    olos_die(&error);
}

ssize_t read_full(int fd, void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(fd, (char *)buffer + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

ssize_t pread_full(int fd, void *buffer, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

ssize_t write_full(int fd, const void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = write(fd, (const char *)buffer + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die(OLOS_FAILED, "out of memory");
    return memory;
}

void *grown(void *array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 8;
    array = reallocarray(array, *capacity, item_size);
    if (!array)
        die(OLOS_FAILED, "out of memory");
    return array;
}

bool is_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

void hex_sha256(const uint8_t value[32], char text[65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        text[2 * i] = digits[value[i] >> 4];
        text[2 * i + 1] = digits[value[i] & 15];
    }
    text[64] = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int unhex_sha256(const char *text, uint8_t value[32])
{
    if (strlen(text) != 64)
        return -1;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        value[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static uint64_t get(const void *at, unsigned size)
{
    const uint8_t *bytes = at;
    uint64_t value = 0;
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void put(void *at, uint64_t value, unsigned size)
{
    uint8_t *bytes = at;
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

uint16_t le16(const void *at) { return (uint16_t)get(at, 2); }
uint32_t le32(const void *at) { return (uint32_t)get(at, 4); }
uint64_t le64(const void *at) { return get(at, 8); }
void put_le16(void *at, uint16_t value) { put(at, value, 2); }
void put_le32(void *at, uint32_t value) { put(at, value, 4); }
void put_le64(void *at, uint64_t value) { put(at, value, 8); }
