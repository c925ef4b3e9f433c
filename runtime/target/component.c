#include "component.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../common/sha256.h"

#define CHUNK (256 * 1024)
#define EXECUTABLE 0x0010u /* MFD_EXEC, Linux 6.3 */

int memory_try_file(const char *name)
{
    int fd = memfd_create(name, EXECUTABLE);
    return fd < 0 && errno == EINVAL ? memfd_create(name, 0) : fd;
}

int memory_file(const char *name)
{
    int fd = memory_try_file(name);
    if (fd < 0)
        die(OLOS_FAILED, "%s: no file in memory: %s", name, strerror(errno));
    return fd;
}

void memory_append(int fd, const void *data, size_t size)
{
    ssize_t count = write_full(fd, data, size);
    if (count < 0)
        die(OLOS_FAILED, "a file in memory cannot be written: %s", strerror((int)-count));
}

const struct olos_record *record_find(const struct olos_records *records, const char *path)
{
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->items[i].path, path) == 0)
            return &records->items[i];
    return NULL;
}

static int check_size(const struct olos_file *file, const struct olos_record *record, struct olos_error *error)
{
    char expected[24], actual[24];
    if (file->size == record->size)
        return 0;
    snprintf(expected, sizeof expected, "%" PRIu64, record->size);
    snprintf(actual, sizeof actual, "%" PRIu64, file->size);
    return olos_mismatch(error, expected, actual, "%s: size", record->path);
}

int component_append(int fd, const struct olos_layout *layout, const struct olos_record *record,
                     struct olos_error *error)
{
    static uint8_t buffer[CHUNK];
    const struct olos_file *file = layout_file(layout, record->path, error);
    struct sha256 hash;
    uint8_t actual[SHA256_SIZE];
    if (!file || check_size(file, record, error))
        return -1;
    sha256_init(&hash);
    for (uint64_t done = 0; done < file->size;) {
        size_t size = file->size - done < CHUNK ? (size_t)(file->size - done) : CHUNK;
        if (file_pread(file, buffer, size, done, error))
            return -1;
        sha256_update(&hash, buffer, size);
        memory_append(fd, buffer, size);
        done += size;
    }
    sha256_final(&hash, actual);
    if (memcmp(actual, record->sha256, SHA256_SIZE) != 0)
        return olos_mismatch_sha256(error, record->sha256, actual, "%s: sha256", record->path);
    return 0;
}
