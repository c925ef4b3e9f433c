#include "file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int file_pread(const struct olos_file *file, void *buffer, size_t size, uint64_t offset, struct olos_error *error)
{
    if (offset > file->size || size > file->size - offset)
        return olos_fail(error, OLOS_INPUT, "%s: ends at byte %" PRIu64 ", but more is expected", file->name,
                         file->size);
    ssize_t count = pread_full(file->fd, buffer, size, file->offset + offset);
    if (count < 0)
        return olos_fail(error, OLOS_FAILED, "%s cannot be read: %s", file->name, strerror((int)-count));
    if ((size_t)count < size)
        return olos_fail(error, OLOS_INPUT, "%s: truncated while it was read", file->name);
    return 0;
}

void *file_read(const struct olos_file *file, size_t limit, struct olos_error *error)
{
    if (file->size > limit) {
        olos_fail(error, OLOS_INPUT, "%s: %" PRIu64 " bytes, more than the limit of %zu", file->name, file->size,
                  limit);
        return NULL;
    }
    void *data = allocate(1, (size_t)file->size + 1);
    if (file_pread(file, data, (size_t)file->size, 0, error)) {
        free(data);
        return NULL;
    }
    return data;
}
