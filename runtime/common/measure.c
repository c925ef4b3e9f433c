#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mrenclave.h"
#include "rootfs.h"
#include "sha256.h"

#define CHUNK ((size_t)256 << 10)

static int compare_numbers(const char *name, const char *what, uint64_t expected, uint64_t actual,
                           struct olos_error *error)
{
    char expected_text[24], actual_text[24];
    if (expected == actual)
        return 0;
    snprintf(expected_text, sizeof expected_text, "%" PRIu64, expected);
    snprintf(actual_text, sizeof actual_text, "%" PRIu64, actual);
    return olos_mismatch(error, expected_text, actual_text, "%s: %s", name, what);
}

static int compare_hashes(const char *name, const char *what, const uint8_t expected[32],
                          const uint8_t actual[32], struct olos_error *error)
{
    if (memcmp(expected, actual, SHA256_SIZE) == 0)
        return 0;
    return olos_mismatch_sha256(error, expected, actual, "%s: %s", name, what);
}

int hash_file(const struct olos_file *file, uint8_t digest[SHA256_SIZE], struct olos_error *error)
{
    struct sha256 hash;
    uint8_t *buffer = allocate(CHUNK, 1);
    int failed = 0;
    sha256_init(&hash);
    for (uint64_t done = 0; done < file->size && !failed;) {
        size_t size = file->size - done < CHUNK ? (size_t)(file->size - done) : CHUNK;
        failed = file_pread(file, buffer, size, done, error);
        if (!failed)
            sha256_update(&hash, buffer, size);
        done += size;
    }
    free(buffer);
    sha256_final(&hash, digest);
    return failed;
}

int measure_file(const struct olos_file *file, const struct olos_record *record, struct olos_error *error)
{
    uint8_t actual[SHA256_SIZE];
    if (compare_numbers(record->path, "size", record->size, file->size, error) ||
        hash_file(file, actual, error))
        return -1;
    return compare_hashes(record->path, "sha256", record->sha256, actual, error);
}

static int measure_files(const struct olos_layout *layout, const struct olos_records *records,
                         struct olos_error *error)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct olos_file *file = layout_file(layout, records->items[i].path, error);
        if (!file || measure_file(file, &records->items[i], error))
            return -1;
    }
    return 0;
}

static int measure_rootfs(const struct olos_layout *layout, const struct olos_rootfs *record,
                          struct olos_error *error)
{
    struct rootfs_roots roots;
    const struct olos_file *file = layout_file(layout, record->path, error);
    if (!file || rootfs_measure(file, record->image_size, &roots, error))
        return -1;
    if (compare_hashes(record->path, "verity root", record->verity_root, roots.verity_root, error) ||
        compare_hashes(record->path, "tree root", record->tree_root, roots.tree_root, error))
        return -1;
    return compare_numbers(record->path, "number of entries", record->entries, roots.entries, error);
}

int measure_layout(const struct olos_layout *layout, uint8_t measurement[32], struct olos_error *error)
{
    struct olos_loaded_manifest loaded;
    const struct olos_manifest *m = &loaded.manifest;
    int result = layout_load_manifest(layout, &loaded, error) || measure_files(layout, &m->kernel, error) ||
                 measure_files(layout, &m->crt, error) || measure_rootfs(layout, &m->rootfs, error);
    if (!result)
        olos_measurement(m, measurement);
    layout_free_manifest(&loaded);
    return result ? -1 : 0;
}
