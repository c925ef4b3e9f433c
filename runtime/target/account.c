#include "account.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../common/measure.h"
#include "../common/sha256.h"

#define VOLUME_SPACE_SIZE 80             /* in the primary volume descriptor (ECMA-119 8.4.8) */
#define MAX_PADDING (5 * PACKAGE_SECTOR) /* behind the last file (docs/formats.md section 6) */

/* The file of that name, or NULL; unlike layout_file it is no error if there is none. */
static const struct olos_file *find(const struct olos_layout *layout, const char *name)
{
    for (size_t i = 0; i < layout->count; i++)
        if (strcmp(layout->files[i].name, name) == 0)
            return &layout->files[i];
    return NULL;
}

/* The manifest is not among the suspects: its measurement has been compared. */
static void name_suspects(const struct olos_layout *layout, char *text, size_t size)
{
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; layout_unrecorded[i]; i++)
        if (strcmp(layout_unrecorded[i], LAYOUT_MANIFEST) != 0 && find(layout, layout_unrecorded[i]))
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? " or " : "",
                                       layout_unrecorded[i]);
}

static int check_unrecorded(const struct olos_layout *layout, struct olos_error *error)
{
    struct sha256 hash;
    uint8_t digest[SHA256_SIZE];
    char suspects[4 * (LAYOUT_MAX_NAME + 1)]; /* more than all names and what joins them */
    sha256_init(&hash);
    for (size_t i = 0; layout_unrecorded[i]; i++) {
        const struct olos_file *file = find(layout, layout_unrecorded[i]);
        if (!file)
            continue;
        if (hash_file(file, digest, error))
            return -1;
        sha256_update(&hash, digest, sizeof digest);
    }
    sha256_final(&hash, digest);
    if (memcmp(digest, layout->unrecorded, sizeof digest) == 0)
        return 0;
    name_suspects(layout, suspects, sizeof suspects);
    return olos_mismatch_sha256(error, layout->unrecorded, digest, "%s: digest in the file table", suspects);
}

/* The first file, by its place, from byte `position` on. NULL if there is none. */
static const struct olos_file *first_from(const struct olos_layout *layout, uint64_t position)
{
    const struct olos_file *first = NULL;
    for (size_t i = 0; i < layout->count; i++) {
        const struct olos_file *file = &layout->files[i];
        if (file->size && file->offset >= position && (!first || file->offset < first->offset))
            first = file;
    }
    return first;
}

static int refuse_number(struct olos_error *error, uint64_t expected, uint64_t actual, const char *what,
                         const char *name)
{
    char expected_text[24], actual_text[24]; /* decimal digits of 64 bits */
    snprintf(expected_text, sizeof expected_text, "%" PRIu64, expected);
    snprintf(actual_text, sizeof actual_text, "%" PRIu64, actual);
    return olos_mismatch(error, expected_text, actual_text, "%s%s", what, name);
}

/* The bytes from `start` to `end`, less than MAX_PADDING, must be zero. */
static int check_zeros(const struct olos_layout *layout, uint64_t start, uint64_t end, const char *where,
                       const char *name, struct olos_error *error)
{
    uint8_t padding[MAX_PADDING];
    char actual[3];
    ssize_t count = pread_full(layout->fd, padding, (size_t)(end - start), start);
    if (count < 0)
        return olos_fail(error, OLOS_FAILED, "the package cannot be read: %s", strerror((int)-count));
    for (size_t i = 0; i < (size_t)count; i++)
        if (padding[i]) {
            snprintf(actual, sizeof actual, "%02x", padding[i]);
            return olos_mismatch(error, "00", actual, "padding %s%s: byte %" PRIu64, where, name, start + i);
        }
    return 0;
}

/* Behind byte `end` of the file before it, a file begins with the next sector. */
static int check_before(const struct olos_layout *layout, uint64_t end, const struct olos_file *file,
                        struct olos_error *error)
{
    uint64_t place = end + -end % PACKAGE_SECTOR;
    if (file->offset != place)
        return refuse_number(error, place, file->offset, "file table: place of ", file->name);
    return check_zeros(layout, end, place, "before ", file->name, error);
}

/* The package ends where its primary volume descriptor says (ECMA-119 8.4.8). */
static int check_end(const struct olos_layout *layout, uint64_t end, struct olos_error *error)
{
    uint8_t sectors[4];
    ssize_t count = pread_full(layout->fd, sectors, sizeof sectors, PACKAGE_FIRST_BYTE + VOLUME_SPACE_SIZE);
    if (count < 0)
        return olos_fail(error, OLOS_FAILED, "the package cannot be read: %s", strerror((int)-count));
    uint64_t size = (uint64_t)le32(sectors) * PACKAGE_SECTOR;
    if (count < (ssize_t)sizeof sectors || size < end || size - end >= MAX_PADDING)
        return refuse_number(error, end + -end % PACKAGE_SECTOR, size, "ISO structures: size", "");
    if (size != layout->size)
        return refuse_number(error, size, layout->size, "trailing bytes: size", "");
    return check_zeros(layout, end, size, "at the end", "", error);
}

int account_package(const struct olos_layout *layout, struct olos_error *error)
{
    if (!layout->packed)
        return 0;
    uint64_t end = 0;
    for (const struct olos_file *file; (file = first_from(layout, end)); end = file->offset + file->size)
        if (end && check_before(layout, end, file, error))
            return -1;
    return check_end(layout, end, error) || check_unrecorded(layout, error) ? -1 : 0;
}
