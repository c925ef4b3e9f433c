/* Errors that carry their message upward, and input and output that is complete or fails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of the runtime itself (docs/formats.md section 6). */
enum olos_exit {
    OLOS_OK = 0,
    OLOS_USAGE = 2,      /* a wrong call, or something that the policy refuses */
    OLOS_INPUT = 3,      /* not a package or layout, or a damaged one */
    OLOS_MISMATCH = 5,   /* two values that must agree do not */
    OLOS_FAILED = 125,   /* the runtime itself failed */
};

/* What went wrong. Functions that take one return 0, or -1 after filling it in. */
struct olos_error {
    enum olos_exit code;
    char text[1024];
};

/* The length of the UTF-8 sequence (RFC 3629) at the beginning of `room` > 0 bytes, 0 if there is none. */
size_t utf8_length(const uint8_t *bytes, size_t room);

/* Make '?' of each byte that is not UTF-8 or that a terminal would act on. A line break stays if two blanks
   follow, so that nothing inside of a text looks like a message of its own. */
void make_visible(char *text);

/* Fill in `error`; its text is made visible. Always returns -1. */
int olos_fail(struct olos_error *error, enum olos_exit code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "WHAT does not match", with both values, as exit 5. Always returns -1. */
int olos_mismatch(struct olos_error *error, const char *expected, const char *actual, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for two SHA-256 values. Always returns -1. */
int olos_mismatch_sha256(struct olos_error *error, const uint8_t expected[32], const uint8_t actual[32],
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Print "olos: " and the text of the error on standard error; exit with its code. */
_Noreturn void olos_die(const struct olos_error *error);

/* The same with a text of its own, for instance die(OLOS_FAILED, "cannot fork: %s", strerror(errno)). */
_Noreturn void die(enum olos_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As read, pread and write, but repeated until `size` bytes are done. Return how many bytes were done
   (reading: fewer at the end of the file only), or a negative errno. */
ssize_t read_full(int fd, void *buffer, size_t size);
ssize_t pread_full(int fd, void *buffer, size_t size, uint64_t offset);
ssize_t write_full(int fd, const void *buffer, size_t size);

/* calloc that dies with OLOS_FAILED instead of returning NULL; so does the growth of an array of
   `*capacity` items to at least `count` + 1. */
void *allocate(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *grown(void *array, size_t count, size_t *capacity, size_t item_size);

/* Whether all bytes are zero. */
bool is_zero(const void *data, size_t size);

/* Lower-case hexadecimal digits of 32 bytes, and back. `unhex_sha256` takes exactly 64 lower-case digits
   and returns -1 for anything else. */
void hex_sha256(const uint8_t value[32], char text[65]);
int unhex_sha256(const char *text, uint8_t value[32]);

/* Little-endian integers at any address. */
uint16_t le16(const void *at);
uint32_t le32(const void *at);
uint64_t le64(const void *at);
void put_le16(void *at, uint16_t value);
void put_le32(void *at, uint32_t value);
void put_le64(void *at, uint64_t value);
