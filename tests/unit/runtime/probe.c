/* Runs the readers of the runtime over bytes from a test (see support/probe.py).

   `probe VERB` reads items, each a u64 length and that many bytes, from standard input and answers each with
   one line: "0" and values, or an exit code and the first line of the message. `probe fuzz VERB SEED COUNT`
   changes the one item that it reads COUNT times, and reads the result each time. The memory checkers of the
   compiler end the program at the first access that is wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* For their static functions. */
#include "erofs.c"
#undef REQUIRE
#include "rootfs.c"
#undef MAX_TARGET
#include "sha256.c"

#include "blockhash.h"
#include "measure.h"
#include "pattern.h"

#define TABLE_FILE_SIZE (1 << 20) /* of the package around a file table */

struct item {
    uint8_t *data;
    size_t size;
};

static int memory(const struct item *item)
{
    int fd = memfd_create("item", MFD_CLOEXEC);
    if (fd < 0 || write_full(fd, item->data, item->size) < 0)
        die(OLOS_FAILED, "memfd: %s", strerror(errno));
    return fd;
}

static void show(const uint8_t digest[32])
{
    char text[65];
    hex_sha256(digest, text);
    printf(" %s", text);
}

/* ---- verbs: 0 after printing values, or -1 with `error` filled in ---- */

static int probe_manifest(struct item *item, struct olos_error *error, bool quiet)
{
    struct olos_manifest m;
    int result = manifest_decode(&m, item->data, item->size, error);
    if (!result && !quiet) {
        printf("0 args=%zu env=%zu groups=%zu mounts=%zu kernel=%zu memory=%llu", m.app.args.count,
               m.app.env.count, m.app.group_count, m.policy.mount_count, m.kernel.count,
               (unsigned long long)m.policy.memory);
        for (size_t i = 0; i < m.app.args.count; i++)
            printf(" %zu", strlen(m.app.args.items[i]));
    }
    manifest_free(&m);
    return result;
}

static int probe_table(struct item *item, struct olos_error *error, bool quiet)
{
    static int fd = -1; /* one file for all tables: it is large */
    struct olos_layout layout;
    if (fd < 0 && ((fd = memfd_create("package", MFD_CLOEXEC)) < 0 || ftruncate(fd, TABLE_FILE_SIZE)))
        die(OLOS_FAILED, "memfd: %s", strerror(errno));
    if (pwrite(fd, item->data, item->size, PACKAGE_TABLE_OFFSET) != (ssize_t)item->size)
        die(OLOS_FAILED, "memfd: %s", strerror(errno));
    int result = package_open(&layout, fd, error);
    if (!result && !quiet)
        for (size_t i = 0; i < layout.count; i++)
            printf("%s%s@%llu+%llu", i ? " " : "0 ", layout.files[i].name,
                   (unsigned long long)layout.files[i].offset, (unsigned long long)layout.files[i].size);
    return result;
}

/* The walk over an image of which the hash tree was not checked, so that it sees changed bytes. The item is a
   whole rootfs.img and, at the end, a u64 with the size of the EROFS image in it. */
static int probe_walk(struct item *item, struct olos_error *error, bool quiet)
{
    struct olos_file file = {.name = "rootfs.img", .size = item->size - 8};
    uint64_t image_size = le64(item->data + item->size - 8);
    struct measuring *m = allocate(1, sizeof *m);
    uint8_t root[32];
    if (quiet) { /* a changed first block keeps a right checksum, so that the rest is read as well */
        uint8_t *superblock = item->data + SUPERBLOCK;
        put_le32(superblock + 4, 0);
        put_le32(superblock + 4, crc32c(superblock, EROFS_BLOCK - SUPERBLOCK));
    }
    file.fd = memory(item);
    int result = verity_layout(&m->verity, image_size, error) || measure_tree(m, &file, image_size, error);
    if (!result && !quiet) {
        rfc9162_root(&m->tree, root);
        printf("0 %llu", (unsigned long long)m->tree.leaves);
        show(root);
    }
    close(file.fd);
    free(m);
    return result ? -1 : 0;
}

/* The same with the hash tree: the verity root, the tree root and the number of entries. */
static int probe_rootfs(struct item *item, struct olos_error *error, bool quiet)
{
    struct olos_file file = {.name = "rootfs.img", .size = item->size - 8, .fd = memory(item)};
    struct rootfs_roots roots;
    int result = rootfs_measure(&file, le64(item->data + item->size - 8), &roots, error);
    if (!result && !quiet) {
        printf("0 %llu", (unsigned long long)roots.entries);
        show(roots.verity_root);
        show(roots.tree_root);
    }
    close(file.fd);
    return result;
}

static int probe_sha256(struct item *item, struct olos_error *error, bool quiet)
{
    uint8_t digest[32];
    struct sha256 hash;
    (void)error, (void)quiet;
    printf("0");
    sha256(item->data, item->size, digest);
    show(digest);
    sha256_init(&hash); /* in pieces of growing size */
    for (size_t at = 0, piece = 1; at < item->size; at += piece, piece++)
        sha256_update(&hash, item->data + at, piece < item->size - at ? piece : item->size - at);
    sha256_final(&hash, digest);
    show(digest);
    return 0;
}

/* The state after whole chunks, from both compression functions. */
static int probe_compress(struct item *item, struct olos_error *error, bool quiet)
{
    (void)error, (void)quiet;
    for (int plain = 0; plain < 2; plain++) {
        uint32_t state[8];
        uint8_t digest[32];
        memcpy(state, sha256_initial, sizeof state);
        if (plain || !sha256_ni_available())
            compress_plain(state, item->data, item->size / 64);
        else
            sha256_ni_compress(state, item->data, item->size / 64);
        for (unsigned i = 0; i < 8; i++)
            store_be32(digest + 4 * i, state[i]);
        printf("%s", plain ? "" : "0");
        show(digest);
    }
    return 0;
}

/* The digests of all blocks, in every way that this processor has. */
static int probe_blocks(struct item *item, struct olos_error *error, bool quiet)
{
    size_t count = item->size / BLOCK_SIZE;
    (void)error, (void)quiet;
    printf("0");
    for (enum sha256_way way = SHA256_NI; way <= SHA256_PLAIN; way++) {
        if (!sha256_available(way))
            continue;
        uint8_t *digests = allocate(count, SHA256_SIZE); /* exactly */
        sha256_blocks_by(way, item->data, count, digests);
        for (size_t i = 0; i < count; i++)
            show(digests + i * SHA256_SIZE);
        free(digests);
    }
    return 0;
}

/* A pattern, NUL, a value: whether it matches. */
static int probe_pattern(struct item *item, struct olos_error *error, bool quiet)
{
    struct pattern *pattern = allocate(1, sizeof *pattern);
    char *text = allocate(item->size + 2, 1);
    memcpy(text, item->data, item->size);
    const char *reason = pattern_compile(pattern, text);
    int result = reason ? olos_fail(error, OLOS_INPUT, "%s", reason) : 0;
    if (!result) {
        bool matches = pattern_matches(pattern, text + strlen(text) + 1);
        if (!quiet)
            printf("0 %d", matches);
    }
    free(text);
    free(pattern);
    return result;
}

static const struct {
    const char *name;
    int (*run)(struct item *, struct olos_error *, bool quiet);
} verbs[] = {
    {"manifest", probe_manifest}, {"table", probe_table},     {"walk", probe_walk},
    {"rootfs", probe_rootfs},     {"compress", probe_compress}, {"sha256", probe_sha256},
    {"blocks", probe_blocks},     {"pattern", probe_pattern},
};

/* ---- items and changes ---- */

static bool read_item(struct item *item)
{
    uint8_t size[8];
    if (read_full(STDIN_FILENO, size, sizeof size) != sizeof size)
        return false;
    item->size = le64(size);
    item->data = allocate(item->size, 1); /* exactly, so that any byte too far is noticed */
    return read_full(STDIN_FILENO, item->data, item->size) == (ssize_t)item->size;
}

static uint64_t random_number(uint64_t *state) /* xorshift64* by Vigna */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void change(struct item *item, size_t limit, uint64_t *state)
{
    static const uint64_t interesting[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff,
                                           UINT64_MAX, UINT64_MAX / 2, UINT64_MAX - 4095};
    for (uint64_t count = 1 + random_number(state) % 3; count; count--) {
        uint64_t dice = random_number(state);
        size_t at = (dice >> 8) % limit, width = (size_t)1 << (dice & 3), other = (dice >> 33) % limit;
        uint8_t bytes[8];
        put_le64(bytes, interesting[(dice >> 4) % (sizeof interesting / sizeof *interesting)]);
        if (width > limit - at)
            width = limit - at;
        if (dice & 4)
            memcpy(item->data + at, bytes, width);
        else if (dice & 8)
            item->data[at] ^= (uint8_t)(1 << (dice >> 60 & 7));
        else
            memmove(item->data + at, item->data + other, width < limit - other ? width : limit - other);
    }
}

static int fuzz(size_t verb, uint64_t seed, uint64_t count)
{
    struct item original;
    uint64_t accepted = 0, state = seed;
    if (!read_item(&original))
        return 1;
    /* Of an image only what comes before its hash tree. */
    bool image = verbs[verb].run == probe_walk;
    size_t limit = image ? le64(original.data + original.size - 8) : original.size;
    for (uint64_t i = 0; i < count; i++) {
        struct item item = {allocate(original.size, 1), original.size};
        struct olos_error error;
        memcpy(item.data, original.data, original.size);
        change(&item, limit, &state);
        accepted += verbs[verb].run(&item, &error, true) == 0;
        free(item.data);
    }
    free(original.data);
    printf("%llu\n", (unsigned long long)accepted);
    return 0;
}

int main(int argc, char **argv)
{
    bool fuzzing = argc == 5 && strcmp(argv[1], "fuzz") == 0;
    struct item item;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (argc < 2 || strcmp(argv[fuzzing ? 2 : 1], verbs[i].name) != 0)
            continue;
        if (fuzzing)
            return fuzz(i, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
        while (read_item(&item)) {
            struct olos_error error;
            if (verbs[i].run(&item, &error, false))
                printf("%d %.*s", error.code, (int)strcspn(error.text, "\n"), error.text);
            printf("\n");
            free(item.data);
        }
        return 0;
    }
    return 2;
}
