#include "erofs.h"

#include <string.h>

/* Linux 6.1 fs/erofs/erofs_fs.h: struct erofs_super_block, erofs_inode_extended, erofs_dirent,
   erofs_xattr_ibody_header, erofs_xattr_entry. */
#define SUPERBLOCK 1024
#define MAGIC 0xe0f5e1e2
#define XATTR_HEADER 12
#define XATTR_ENTRY 4
#define MAX_TARGET 4095

enum { FORMAT_PLAIN = 1, FORMAT_INLINE = 5 }; /* extended inodes, FLAT_PLAIN and FLAT_INLINE */

#define REQUIRE(condition, text)                                                                             \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return erofs_defect(fs, error, text);                                                            \
    } while (0)

int erofs_defect(const struct erofs *fs, struct olos_error *error, const char *text)
{
    return olos_fail(error, OLOS_INPUT, "%s: %s", fs->reader->file->name, text);
}

int erofs_read(const struct erofs *fs, uint64_t offset, void *buffer, size_t size, struct olos_error *error)
{
    REQUIRE(offset <= fs->size && size <= fs->size - offset, "an offset behind the end of the image");
    return reader_copy(fs->reader, offset, buffer, size, error);
}

int erofs_require_zeros(const struct erofs *fs, uint64_t start, uint64_t end, struct olos_error *error)
{
    while (start < end) {
        uint8_t bytes[EROFS_BLOCK];
        size_t part = end - start < sizeof bytes ? (size_t)(end - start) : sizeof bytes;
        if (erofs_read(fs, start, bytes, part, error))
            return -1;
        REQUIRE(is_zero(bytes, part), "padding is not zero");
        start += part;
    }
    return 0;
}

/* ---- superblock ---- */

/* The register after the bytes, without a final inversion, as Linux' crc32c() gives it. */
static uint32_t crc32c(const uint8_t *data, size_t size)
{
    uint32_t state = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        state ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            state = state >> 1 ^ (state & 1 ? 0x82f63b78 : 0);
    }
    return state;
}

/* All of the superblock is determined by these numbers and, through the checksum, by what follows it. */
static void make_superblock(uint8_t block[EROFS_BLOCK], uint16_t root, uint32_t inodes, uint32_t blocks)
{
    uint8_t *s = block + SUPERBLOCK;
    memset(block, 0, EROFS_FIRST_INODE);
    put_le32(s, MAGIC);
    put_le32(s + 8, 3); /* feature_compat: SB_CHKSUM | MTIME */
    s[12] = 12;         /* blkszbits */
    put_le16(s + 14, root);
    put_le64(s + 16, inodes);
    put_le32(s + 36, blocks);
    put_le32(s + 4, crc32c(s, EROFS_BLOCK - SUPERBLOCK));
}

int erofs_open(struct erofs *fs, struct reader *reader, uint64_t size, struct olos_error *error)
{
    uint8_t stored[EROFS_BLOCK], expected[EROFS_BLOCK];
    *fs = (struct erofs){.reader = reader, .size = size};
    REQUIRE(size % EROFS_BLOCK == 0 && size >= 2 * EROFS_BLOCK && size / EROFS_BLOCK <= UINT32_MAX,
            "an image of an impossible size");
    if (erofs_read(fs, 0, stored, sizeof stored, error))
        return -1;
    fs->root = le16(stored + SUPERBLOCK + 14);
    fs->inodes = le32(stored + SUPERBLOCK + 16);
    REQUIRE(le32(stored + SUPERBLOCK) == MAGIC, "no EROFS superblock");
    REQUIRE(le32(stored + SUPERBLOCK + 36) == size / EROFS_BLOCK, "the superblock names another size");
    memcpy(expected, stored, sizeof expected);
    make_superblock(expected, fs->root, fs->inodes, le32(stored + SUPERBLOCK + 36));
    REQUIRE(memcmp(stored, expected, EROFS_FIRST_INODE) == 0,
            "the superblock has a wrong checksum, or fields that olos-rootfs-1 does not use");
    return 0;
}

/* ---- inodes ---- */

static char type_of_mode(unsigned mode)
{
    switch (mode & 0170000) {
    case 0100000: return 'f';
    case 0040000: return 'd';
    case 0120000: return 'l';
    case 0020000: return 'c';
    case 0060000: return 'b';
    case 0010000: return 'p';
    default: return 0;
    }
}

/* Where the content lies: the tail behind the inode if both fit into one block, the rest in data blocks. */
static void place_content(struct erofs_inode *inode)
{
    size_t tail = inode->size % EROFS_BLOCK;
    inode->tail = EROFS_INODE_SIZE + inode->xattrs_size + tail <= EROFS_BLOCK ? tail : 0;
    inode->blocks = (inode->size - inode->tail + EROFS_BLOCK - 1) / EROFS_BLOCK;
}

static int check_inode(const struct erofs *fs, const struct erofs_inode *inode, struct olos_error *error)
{
    REQUIRE(inode->nlink > 0 && inode->mtime <= INT64_MAX, "an inode without a name, or with an impossible time");
    REQUIRE(inode->blocks || !inode->block, "a block address without blocks");
    REQUIRE((inode->block + inode->blocks) * EROFS_BLOCK <= fs->size, "data blocks behind the end of the image");
    if (inode->type == 'd')
        REQUIRE(inode->size && inode->nlink >= 2, "a directory without entries or links");
    else if (inode->type == 'l')
        REQUIRE(inode->size && inode->size <= MAX_TARGET, "a symlink target that is empty or too long");
    else if (inode->type != 'f')
        REQUIRE(!inode->size, "a special file with content");
    return 0;
}

int erofs_inode(const struct erofs *fs, uint64_t nid, struct erofs_inode *inode, struct olos_error *error)
{
    uint8_t raw[EROFS_INODE_SIZE];
    REQUIRE(nid <= fs->size / EROFS_SLOT, "an inode behind the end of the image");
    if (erofs_read(fs, nid * EROFS_SLOT, raw, sizeof raw, error))
        return -1;
    unsigned xattr_count = le16(raw + 2), mode = le16(raw + 4);
    uint32_t address = le32(raw + 16);
    *inode = (struct erofs_inode){
        .nid = nid, .type = type_of_mode(mode), .mode = mode & 07777, .size = le64(raw + 8),
        .number = le32(raw + 20), .uid = le32(raw + 24), .gid = le32(raw + 28), .mtime = le64(raw + 32),
        .nlink = le32(raw + 44), .xattrs_size = xattr_count ? XATTR_HEADER + 4 * (xattr_count - 1) : 0,
    };
    REQUIRE(inode->type, "an inode of unknown type");
    REQUIRE(!le16(raw + 6) && !le32(raw + 40) && is_zero(raw + 48, 16), "reserved fields are not zero");
    REQUIRE(xattr_count != 1, "an xattr area without xattrs");
    REQUIRE(inode->size <= fs->size, "content larger than the image");
    place_content(inode);
    REQUIRE(le16(raw) == (inode->tail ? FORMAT_INLINE : FORMAT_PLAIN), "an inode of unexpected layout");
    if (inode->type == 'c' || inode->type == 'b') { /* new_encode_dev */
        inode->major = address >> 8 & 0xfff;
        inode->minor = (address & 0xff) | (address >> 12 & 0xfff00);
    } else {
        inode->block = address;
    }
    return check_inode(fs, inode, error);
}

uint64_t erofs_content(const struct erofs_inode *inode, uint64_t offset)
{
    uint64_t whole = inode->size - inode->tail;
    if (offset < whole)
        return inode->block * EROFS_BLOCK + offset;
    return inode->nid * EROFS_SLOT + EROFS_INODE_SIZE + inode->xattrs_size + (offset - whole);
}

/* ---- directories ---- */

static char type_of_dirent(uint8_t value)
{
    static const char types[] = {[1] = 'f', [2] = 'd', [3] = 'c', [4] = 'b', [5] = 'p', [7] = 'l'};
    return value < sizeof types ? types[value] : 0;
}

static bool is_after(const struct erofs_dirent *a, const struct erofs_dirent *b)
{
    int order = memcmp(a->name, b->name, a->length < b->length ? a->length : b->length);
    return order ? order > 0 : a->length > b->length;
}

int erofs_dirents(const struct erofs *fs, const uint8_t *block, size_t length, bool last,
                  struct erofs_dirent *entries, size_t *count, struct olos_error *error)
{
    while (!last && length && !block[length - 1])
        length--;
    REQUIRE(length > EROFS_DIRENT_SIZE, "a directory block without entries");
    size_t names = le16(block + 8);
    *count = names / EROFS_DIRENT_SIZE;
    REQUIRE(*count && names % EROFS_DIRENT_SIZE == 0 && names < length && *count <= EROFS_MAX_DIRENTS,
            "a wrong number of directory entries");
    for (size_t i = 0; i < *count; i++) {
        const uint8_t *raw = block + i * EROFS_DIRENT_SIZE;
        size_t start = le16(raw + 8), end = i + 1 < *count ? le16(raw + EROFS_DIRENT_SIZE + 8) : length;
        REQUIRE(start < end && end <= length, "directory names are not one behind the other");
        REQUIRE(end - start <= EROFS_MAX_NAME && !memchr(block + start, 0, end - start) &&
                    !memchr(block + start, '/', end - start),
                "a directory entry with an impossible name");
        entries[i] = (struct erofs_dirent){le64(raw), type_of_dirent(raw[10]), (uint8_t)(end - start), block + start};
        REQUIRE(entries[i].type && !raw[11], "a directory entry without a file type");
        REQUIRE(!i || is_after(&entries[i], &entries[i - 1]), "directory names are not in order");
    }
    return 0;
}

/* ---- xattrs ---- */

bool erofs_next_xattr(const uint8_t *area, size_t size, size_t *position, struct erofs_xattr *xattr)
{
    size_t at = *position ? *position : XATTR_HEADER;
    if (at >= size)
        return false;
    const uint8_t *raw = area + at;
    *xattr = (struct erofs_xattr){.name_length = raw[0], .index = raw[1], .value_size = le16(raw + 2)};
    xattr->name = raw + XATTR_ENTRY;
    xattr->value = xattr->name + xattr->name_length;
    *position = at + (XATTR_ENTRY + (size_t)xattr->name_length + xattr->value_size + 3) / 4 * 4;
    return true;
}

/* docs/formats.md section 2.4. */
static bool is_kept(const struct erofs_xattr *xattr)
{
    switch (xattr->index) {
    case EROFS_XATTR_USER:
        return xattr->name_length && xattr->name_length <= EROFS_MAX_NAME - strlen("user.") &&
               !memchr(xattr->name, 0, xattr->name_length);
    case EROFS_XATTR_ACL_ACCESS:
    case EROFS_XATTR_ACL_DEFAULT:
        return !xattr->name_length;
    case EROFS_XATTR_SECURITY:
        return xattr->name_length == strlen("capability") && memcmp(xattr->name, "capability", 10) == 0;
    default:
        return false;
    }
}

static bool is_behind(const struct erofs_xattr *a, const struct erofs_xattr *b)
{
    if (a->index != b->index)
        return a->index > b->index;
    int order = memcmp(a->name, b->name, a->name_length < b->name_length ? a->name_length : b->name_length);
    return order ? order > 0 : a->name_length > b->name_length;
}

int erofs_check_xattrs(const struct erofs *fs, const uint8_t *area, size_t size, struct olos_error *error)
{
    struct erofs_xattr xattr, before = {0};
    REQUIRE(is_zero(area, XATTR_HEADER), "shared xattrs or a name filter");
    for (size_t position = 0; erofs_next_xattr(area, size, &position, &xattr); before = xattr) {
        /* The area is a multiple of four bytes, so the header of the entry itself lies inside. */
        REQUIRE(position <= size, "an xattr runs out of its area");
        const uint8_t *end = xattr.value + xattr.value_size;
        REQUIRE(is_zero(end, (size_t)(area + position - end)), "xattr padding is not zero");
        REQUIRE(is_kept(&xattr), "an xattr that an image does not keep");
        REQUIRE(!before.name || is_behind(&xattr, &before), "xattrs are not in order");
    }
    return 0;
}
