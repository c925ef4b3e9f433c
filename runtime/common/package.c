#include "package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"

#define HEADER_SIZE 32
#define ENTRY_SIZE 64
#define DIGEST_OFFSET (PACKAGE_TABLE_SIZE - PACKAGE_DIGEST_SIZE)
#define MAX_END ((UINT64_C(1) << 53) - 1)

static const uint8_t magic[16] = "olos-package-1\0";

const char *const layout_unrecorded[] = {LAYOUT_ANNOTATIONS, LAYOUT_MANIFEST, LAYOUT_SIGSTRUCT, LAYOUT_TARGET,
                                         NULL};

static bool is_unrecorded(const char *name)
{
    for (size_t i = 0; layout_unrecorded[i]; i++)
        if (strcmp(layout_unrecorded[i], name) == 0)
            return true;
    return false;
}

/* What packages and directories have in common: there is a manifest, and a signature has its size. */
static int check_layout(const struct olos_layout *layout, struct olos_error *error)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct olos_file *file = &layout->files[i];
        if (strcmp(file->name, LAYOUT_SIGSTRUCT) == 0 && file->size != LAYOUT_SIGSTRUCT_SIZE)
            return olos_fail(error, OLOS_INPUT, LAYOUT_SIGSTRUCT ": %" PRIu64 " bytes, but a signature has %d",
                             file->size, LAYOUT_SIGSTRUCT_SIZE);
    }
    return layout_file(layout, LAYOUT_MANIFEST, error) ? 0 : -1;
}

/* ---- packages ---- */

static int read_entry(struct olos_file *file, const uint8_t *entry, struct olos_error *error)
{
    memcpy(file->name, entry, sizeof file->name);
    size_t length = strnlen(file->name, sizeof file->name);
    if (length == sizeof file->name || !is_zero(file->name + length, sizeof file->name - length) ||
        !is_layout_name(file->name))
        return olos_fail(error, OLOS_INPUT, "file table: an entry has no valid name");
    file->offset = le64(entry + 48);
    file->size = le64(entry + 56);
    return 0;
}

static bool is_below(const char *name, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(name, folder, length) == 0 && name[length] == '/';
}

/* Sorted, none twice, no file is the directory of another. */
static int check_names(const struct olos_layout *layout, struct olos_error *error)
{
    for (size_t i = 0; i < layout->count; i++)
        for (size_t k = i + 1; k < layout->count; k++) {
            const char *name = layout->files[i].name, *later = layout->files[k].name;
            if (strcmp(name, later) >= 0 || is_below(later, name))
                return olos_fail(error, OLOS_INPUT, "file table: %s and %s are not in order", name, later);
        }
    return 0;
}

static int check_extent(const struct olos_file *file, uint64_t package_size, struct olos_error *error)
{
    if (!file->size && !file->offset)
        return 0; /* an empty file has no place */
    if (!file->size || file->offset < PACKAGE_FIRST_BYTE || file->offset > MAX_END ||
        file->size > MAX_END - file->offset)
        return olos_fail(error, OLOS_INPUT, "file table: %s has no valid place", file->name);
    if (file->offset + file->size > package_size)
        return olos_fail(error, OLOS_INPUT,
                         "the package is truncated: %s ends at byte %" PRIu64 ", the file at byte %" PRIu64,
                         file->name, file->offset + file->size, package_size);
    return 0;
}

static int check_overlap(const struct olos_layout *layout, struct olos_error *error)
{
    for (size_t i = 0; i < layout->count; i++)
        for (size_t k = i + 1; k < layout->count; k++) {
            const struct olos_file *a = &layout->files[i], *b = &layout->files[k];
            if (a->offset < b->offset + b->size && b->offset < a->offset + a->size)
                return olos_fail(error, OLOS_INPUT, "file table: %s and %s overlap", a->name, b->name);
        }
    return 0;
}

static int decode_table(struct olos_layout *layout, const uint8_t *table, struct olos_error *error)
{
    uint32_t count = le32(table + sizeof magic);
    if (memcmp(table, magic, sizeof magic) != 0)
        return olos_fail(error, OLOS_INPUT, "not a package: no file table at byte %d", PACKAGE_TABLE_OFFSET);
    if (count < 1 || count > LAYOUT_MAX_FILES || !is_zero(table + 20, HEADER_SIZE - 20) ||
        !is_zero(table + HEADER_SIZE + count * ENTRY_SIZE, DIGEST_OFFSET - HEADER_SIZE - count * ENTRY_SIZE))
        return olos_fail(error, OLOS_INPUT, "file table: the number of files or its padding is wrong");
    layout->count = count;
    for (size_t i = 0; i < count; i++)
        if (read_entry(&layout->files[i], table + HEADER_SIZE + i * ENTRY_SIZE, error) ||
            check_extent(&layout->files[i], layout->size, error))
            return -1;
    if (check_names(layout, error) || check_overlap(layout, error))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(layout->files[i].name, LAYOUT_ROOTFS) == 0 && layout->files[i].offset % 4096)
            return olos_fail(error, OLOS_INPUT, "file table: " LAYOUT_ROOTFS " is not aligned to 4096 bytes");
    memcpy(layout->unrecorded, table + DIGEST_OFFSET, sizeof layout->unrecorded);
    return check_layout(layout, error);
}

int package_open(struct olos_layout *layout, int fd, struct olos_error *error)
{
    struct stat status;
    uint8_t table[PACKAGE_TABLE_SIZE];
    *layout = (struct olos_layout){.packed = true, .fd = fd};
    if (fstat(fd, &status))
        return olos_fail(error, OLOS_FAILED, "the package cannot be read: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return olos_fail(error, OLOS_INPUT, "not a package: not a regular file");
    ssize_t count = pread_full(fd, table, sizeof table, PACKAGE_TABLE_OFFSET);
    if (count < 0)
        return olos_fail(error, OLOS_FAILED, "the package cannot be read: %s", strerror((int)-count));
    if ((size_t)count < sizeof table)
        return olos_fail(error, OLOS_INPUT, "not a package, or truncated: the file has no file table");
    layout->size = (uint64_t)status.st_size;
    if (decode_table(layout, table, error))
        return -1;
    for (size_t i = 0; i < layout->count; i++)
        layout->files[i].fd = fd;
    return 0;
}

/* ---- directories ---- */

#define MAX_FOLDERS (LAYOUT_MAX_FILES + 1)

struct scan {
    struct olos_layout *layout;
    struct olos_error *error;
    size_t folder_count;
    struct {
        char name[LAYOUT_MAX_NAME + 2]; /* ends with a slash; the top one is empty */
        int fd;
    } folders[MAX_FOLDERS];
};

static int refuse_name(struct scan *scan, const char *folder, const char *name)
{
    return olos_fail(scan->error, OLOS_INPUT, "no layout: %s%.80s does not belong to one", folder, name);
}

static int add_file(struct scan *scan, const char *name, int fd, uint64_t size)
{
    struct olos_layout *layout = scan->layout;
    if (layout->count == LAYOUT_MAX_FILES) {
        close(fd);
        return olos_fail(scan->error, OLOS_INPUT, "no layout: more than %d files", LAYOUT_MAX_FILES);
    }
    struct olos_file *file = &layout->files[layout->count++];
    *file = (struct olos_file){.fd = fd, .size = size};
    snprintf(file->name, sizeof file->name, "%s", name);
    return 0;
}

static int add_folder(struct scan *scan, const char *name, int fd)
{
    if (scan->folder_count == MAX_FOLDERS) {
        close(fd);
        return olos_fail(scan->error, OLOS_INPUT, "no layout: too many directories");
    }
    scan->folders[scan->folder_count].fd = fd;
    snprintf(scan->folders[scan->folder_count++].name, LAYOUT_MAX_NAME + 2, "%s/", name);
    return 0;
}

static int add_name(struct scan *scan, int folder_fd, const char *folder, const char *name)
{
    char path[LAYOUT_MAX_NAME + 1];
    struct stat status;
    int length = snprintf(path, sizeof path, "%s%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path || !is_layout_name(path))
        return refuse_name(scan, folder, name);
    /* O_NONBLOCK: opening a fifo must not wait. */
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ELOOP)
        return refuse_name(scan, folder, name);
    if (fd < 0)
        return olos_fail(scan->error, OLOS_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        return add_folder(scan, path, fd);
    if (S_ISREG(status.st_mode))
        return add_file(scan, path, fd, (uint64_t)status.st_size);
    close(fd);
    return refuse_name(scan, folder, name);
}

/* Takes over `fd`. */
static int scan_folder(struct scan *scan, int fd, const char *name)
{
    DIR *stream = fdopendir(fd);
    int failed = 0;
    if (!stream) {
        close(fd);
        return olos_fail(scan->error, OLOS_FAILED, "the layout cannot be read: %s", strerror(errno));
    }
    for (struct dirent *entry; !failed && (errno = 0, entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            failed = add_name(scan, fd, name, entry->d_name);
    if (!failed && errno)
        failed = olos_fail(scan->error, OLOS_FAILED, "the layout cannot be read: %s", strerror(errno));
    closedir(stream);
    return failed;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct olos_file *)a)->name, ((const struct olos_file *)b)->name);
}

static int scan_all(struct scan *scan, int fd)
{
    int failed = scan_folder(scan, fd, "");
    for (size_t i = 0; i < scan->folder_count; i++)
        if (failed)
            close(scan->folders[i].fd);
        else
            failed = scan_folder(scan, scan->folders[i].fd, scan->folders[i].name);
    return failed;
}

int layout_open_directory(struct olos_layout *layout, const char *path, struct olos_error *error)
{
    struct scan scan = {.layout = layout, .error = error};
    *layout = (struct olos_layout){0};
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return olos_fail(error, OLOS_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    if (scan_all(&scan, fd)) {
        layout_close(layout);
        return -1;
    }
    qsort(layout->files, layout->count, sizeof *layout->files, compare_files);
    if (check_layout(layout, error)) {
        layout_close(layout);
        return -1;
    }
    return 0;
}

void layout_close(struct olos_layout *layout)
{
    for (size_t i = 0; i < layout->count && !layout->packed; i++)
        close(layout->files[i].fd);
    layout->count = 0;
}

/* ---- files ---- */

const struct olos_file *layout_file(const struct olos_layout *layout, const char *name, struct olos_error *error)
{
    for (size_t i = 0; i < layout->count; i++)
        if (strcmp(layout->files[i].name, name) == 0)
            return &layout->files[i];
    olos_fail(error, OLOS_INPUT, "%s is missing", name);
    return NULL;
}

/* ---- the manifest and the files that it names ---- */

static bool is_recorded(const struct olos_records *records, const char *name)
{
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->items[i].path, name) == 0)
            return true;
    return false;
}

static int check_present(const struct olos_layout *layout, const struct olos_records *records,
                         struct olos_error *error)
{
    for (size_t i = 0; i < records->count; i++)
        if (!layout_file(layout, records->items[i].path, error))
            return -1;
    return 0;
}

static int check_files(const struct olos_layout *layout, const struct olos_manifest *m, struct olos_error *error)
{
    if (check_present(layout, &m->kernel, error) || check_present(layout, &m->crt, error) ||
        !layout_file(layout, m->rootfs.path, error))
        return -1;
    for (size_t i = 0; i < layout->count; i++) {
        const char *name = layout->files[i].name;
        if (!is_unrecorded(name) && strcmp(name, m->rootfs.path) != 0 && !is_recorded(&m->kernel, name) &&
            !is_recorded(&m->crt, name))
            return olos_fail(error, OLOS_INPUT, "%s is not named by the manifest", name);
    }
    return 0;
}

int layout_load_manifest(const struct olos_layout *layout, struct olos_loaded_manifest *loaded,
                         struct olos_error *error)
{
    *loaded = (struct olos_loaded_manifest){0};
    const struct olos_file *file = layout_file(layout, LAYOUT_MANIFEST, error);
    if (!file || !(loaded->data = file_read(file, MANIFEST_LIMIT, error)))
        return -1;
    loaded->size = (size_t)file->size;
    if (manifest_decode(&loaded->manifest, loaded->data, loaded->size, error))
        return -1;
    return check_files(layout, &loaded->manifest, error);
}

void layout_free_manifest(struct olos_loaded_manifest *loaded)
{
    manifest_free(&loaded->manifest);
    free(loaded->data);
    *loaded = (struct olos_loaded_manifest){0};
}
