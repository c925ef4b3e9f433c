#include "reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void reader_start(struct reader *r, const struct olos_file *file)
{
    *r = (struct reader){.file = file};
    for (size_t i = 0; i < READER_CHUNKS; i++)
        r->chunk[i] = UINT64_MAX;
}

void reader_free(struct reader *r)
{
    for (size_t i = 0; i < READER_CHUNKS; i++)
        free(r->data[i]);
}

/* The chunk of that number, which lies at least partly in the file. NULL with `error` filled in. */
static const uint8_t *fetch(struct reader *r, uint64_t chunk, struct olos_error *error)
{
    size_t slot = chunk % READER_CHUNKS;
    if (r->chunk[slot] == chunk)
        return r->data[slot];
    uint64_t left = r->file->size - chunk * READER_CHUNK;
    if (!r->data[slot])
        r->data[slot] = allocate(READER_CHUNK, 1);
    r->chunk[slot] = UINT64_MAX;
    if (file_pread(r->file, r->data[slot], left < READER_CHUNK ? (size_t)left : READER_CHUNK,
                   chunk * READER_CHUNK, error))
        return NULL;
    r->chunk[slot] = chunk;
    return r->data[slot];
}

int reader_copy(struct reader *r, uint64_t offset, void *buffer, size_t size, struct olos_error *error)
{
    uint8_t *to = buffer;
    if (offset > r->file->size || size > r->file->size - offset)
        return olos_fail(error, OLOS_INPUT, "%s: an offset behind the end, %" PRIu64, r->file->name, offset);
    while (size) {
        size_t at = offset % READER_CHUNK, part = READER_CHUNK - at < size ? READER_CHUNK - at : size;
        const uint8_t *chunk = fetch(r, offset / READER_CHUNK, error);
        if (!chunk)
            return -1;
        memcpy(to, chunk + at, part);
        to += part;
        offset += part;
        size -= part;
    }
    return 0;
}
