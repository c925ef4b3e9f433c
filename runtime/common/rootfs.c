#include "rootfs.h"

#include <stdlib.h>
#include <string.h>

#include "erofs_walk.h"
#include "fsverity.h"
#include "rfc9162.h"
#include "verity.h"

#define MAX_TARGET 4095
#define WATCH_EVERY 1000 /* entries and blocks: a few milliseconds */

struct measuring {
    struct erofs fs;
    struct reader image, hashes; /* two caches, so that one does not empty the other */
    struct verity_layout verity;
    struct rfc9162 tree;
    struct fsverity file;
    uint8_t *xattrs; /* of one inode */
    size_t xattrs_capacity;
    rootfs_watch *watch;
    void *watch_context;
    unsigned unwatched; /* pieces of work since the last call */
};

/* One more piece of work is done. */
static int count_work(struct measuring *m, struct olos_error *error)
{
    if (!m->watch || ++m->unwatched < WATCH_EVERY)
        return 0;
    m->unwatched = 0;
    return m->watch(m->watch_context, m->tree.leaves, error);
}

static void put_u8(struct sha256 *leaf, uint8_t value)
{
    sha256_update(leaf, &value, 1);
}

static void put_u16(struct sha256 *leaf, uint16_t value)
{
    uint8_t bytes[2];
    put_le16(bytes, value);
    sha256_update(leaf, bytes, sizeof bytes);
}

static void put_u32(struct sha256 *leaf, uint32_t value)
{
    uint8_t bytes[4];
    put_le32(bytes, value);
    sha256_update(leaf, bytes, sizeof bytes);
}

static void put_u64(struct sha256 *leaf, uint64_t value)
{
    uint8_t bytes[8];
    put_le64(bytes, value);
    sha256_update(leaf, bytes, sizeof bytes);
}

static void put_bytes(struct sha256 *leaf, const void *data, size_t size)
{
    put_u32(leaf, (uint32_t)size);
    sha256_update(leaf, data, size);
}

/* ---- content ---- */

/* A block of data in the image was hashed for dm-verity in the same way as fs-verity hashes it: take the hash
   from the hash area, which has been checked. Only the tail behind the inode is hashed here. */
static int put_content_digest(struct measuring *m, struct sha256 *leaf, const struct erofs_inode *inode,
                              struct olos_error *error)
{
    uint8_t hash[SHA256_SIZE], block[BLOCK_SIZE] = {0};
    fsverity_init(&m->file);
    for (uint64_t i = 0; i < inode->blocks; i++) {
        uint64_t at = m->verity.level[0].offset + (inode->block + i) * SHA256_SIZE;
        if (reader_copy(&m->hashes, at, hash, sizeof hash, error) || count_work(m, error))
            return -1;
        fsverity_add(&m->file, hash);
    }
    if (inode->tail) {
        if (erofs_read(&m->fs, erofs_content(inode, inode->size - inode->tail), block, inode->tail, error))
            return -1;
        sha256_blocks(block, 1, hash);
        fsverity_add(&m->file, hash);
    }
    fsverity_digest(&m->file, inode->size, hash);
    sha256_update(leaf, hash, sizeof hash);
    return 0;
}

static int put_target(struct measuring *m, struct sha256 *leaf, const struct erofs_inode *inode,
                      struct olos_error *error)
{
    char target[MAX_TARGET];
    size_t size = (size_t)inode->size, whole = size - inode->tail;
    if (erofs_read(&m->fs, erofs_content(inode, 0), target, whole, error) ||
        erofs_read(&m->fs, erofs_content(inode, whole), target + whole, inode->tail, error))
        return -1;
    if (memchr(target, 0, size))
        return erofs_defect(&m->fs, error, "a symlink target with a NUL");
    put_bytes(leaf, target, size);
    return 0;
}

/* ---- xattrs ---- */

/* The indexes in the order of the full names. */
static const struct {
    uint8_t index;
    const char *prefix;
} prefixes[] = {
    {EROFS_XATTR_SECURITY, "security."},
    {EROFS_XATTR_ACL_ACCESS, "system.posix_acl_access"},
    {EROFS_XATTR_ACL_DEFAULT, "system.posix_acl_default"},
    {EROFS_XATTR_USER, "user."},
};

static void put_xattr(struct sha256 *leaf, const char *prefix, const struct erofs_xattr *xattr)
{
    put_u32(leaf, (uint32_t)strlen(prefix) + xattr->name_length);
    sha256_update(leaf, prefix, strlen(prefix));
    sha256_update(leaf, xattr->name, xattr->name_length);
    put_bytes(leaf, xattr->value, xattr->value_size);
}

static void put_all_xattrs(struct sha256 *leaf, const uint8_t *area, size_t size)
{
    struct erofs_xattr xattr;
    uint32_t count = 0;
    for (size_t position = 0; erofs_next_xattr(area, size, &position, &xattr);)
        count++;
    put_u32(leaf, count);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        for (size_t position = 0; erofs_next_xattr(area, size, &position, &xattr);)
            if (xattr.index == prefixes[i].index)
                put_xattr(leaf, prefixes[i].prefix, &xattr);
}

static int put_xattrs(struct measuring *m, struct sha256 *leaf, const struct erofs_inode *inode,
                      struct olos_error *error)
{
    if (!inode->xattrs_size) {
        put_u32(leaf, 0);
        return 0;
    }
    while (m->xattrs_capacity < inode->xattrs_size)
        m->xattrs = grown(m->xattrs, m->xattrs_capacity, &m->xattrs_capacity, 1);
    uint64_t at = inode->nid * EROFS_SLOT + EROFS_INODE_SIZE;
    if (erofs_read(&m->fs, at, m->xattrs, inode->xattrs_size, error) ||
        erofs_check_xattrs(&m->fs, m->xattrs, inode->xattrs_size, error))
        return -1;
    put_all_xattrs(leaf, m->xattrs, inode->xattrs_size);
    return 0;
}

/* ---- leaves (docs/formats.md section 2.3) ---- */

static int put_by_type(struct measuring *m, struct sha256 *leaf, const struct erofs_inode *inode,
                       struct olos_error *error)
{
    switch (inode->type) {
    case 'f':
        return put_content_digest(m, leaf, inode, error);
    case 'l':
        return put_target(m, leaf, inode, error);
    case 'c':
    case 'b':
        put_u32(leaf, inode->major);
        put_u32(leaf, inode->minor);
        return 0;
    default:
        return 0;
    }
}

static int add_entry(void *context, const struct erofs_entry *entry, struct olos_error *error)
{
    struct measuring *m = context;
    const struct erofs_inode *inode = entry->inode;
    struct sha256 leaf;
    rfc9162_start_leaf(&leaf);
    sha256_update(&leaf, "olos-entry-1\n", 13);
    put_bytes(&leaf, entry->path, entry->path_length);
    put_u8(&leaf, (uint8_t)inode->type);
    put_u16(&leaf, inode->mode);
    put_u32(&leaf, inode->uid);
    put_u32(&leaf, inode->gid);
    put_u64(&leaf, inode->mtime);
    put_bytes(&leaf, entry->link, entry->link_length);
    put_u64(&leaf, inode->type == 'f' || inode->type == 'l' ? inode->size : 0);
    if (put_by_type(m, &leaf, inode, error) || put_xattrs(m, &leaf, inode, error))
        return -1;
    rfc9162_add_leaf(&m->tree, &leaf);
    return count_work(m, error);
}

static int measure_tree(struct measuring *m, const struct olos_file *file, uint64_t image_size,
                        struct olos_error *error)
{
    reader_start(&m->image, file);
    reader_start(&m->hashes, file);
    rfc9162_init(&m->tree);
    int result = erofs_open(&m->fs, &m->image, image_size, error) || erofs_walk(&m->fs, add_entry, m, error);
    reader_free(&m->image);
    reader_free(&m->hashes);
    free(m->xattrs);
    return result ? -1 : 0;
}

int rootfs_tree(const struct olos_file *file, uint64_t image_size, rootfs_watch *watch, void *context,
                struct rootfs_roots *roots, struct olos_error *error)
{
    struct measuring *m = allocate(1, sizeof *m);
    m->watch = watch;
    m->watch_context = context;
    int result = verity_layout(&m->verity, image_size, error) || measure_tree(m, file, image_size, error);
    if (!result) {
        rfc9162_root(&m->tree, roots->tree_root);
        roots->entries = m->tree.leaves;
    }
    free(m);
    return result ? -1 : 0;
}

int rootfs_measure(const struct olos_file *file, uint64_t image_size, struct rootfs_roots *roots,
                   struct olos_error *error)
{
    struct verity_layout verity;
    if (verity_layout(&verity, image_size, error) || verity_check(file, &verity, roots->verity_root, error))
        return -1;
    return rootfs_tree(file, image_size, NULL, NULL, roots, error);
}
