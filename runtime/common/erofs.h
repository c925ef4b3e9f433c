/* The EROFS image of a root file system (docs/formats.md section 2.1), read from bytes that anyone may have
   written. What the writer would not have written is refused. */
#pragma once

#include "reader.h"

#define EROFS_BLOCK 4096
#define EROFS_SLOT 32 /* inode `nid` starts at byte nid * EROFS_SLOT */
#define EROFS_INODE_SIZE 64
#define EROFS_DIRENT_SIZE 12
#define EROFS_FIRST_INODE 1152
#define EROFS_MAX_NAME 255
#define EROFS_MAX_PATH 4095
#define EROFS_MAX_DIRENTS (EROFS_BLOCK / 13)

struct erofs {
    struct reader *reader;
    uint64_t size; /* of the image, in bytes */
    uint32_t inodes;
    uint16_t root; /* number of the root's inode */
};

struct erofs_inode {
    uint64_t nid;
    uint32_t number;
    char type; /* the letter that the tree root hashes: d f l c b p */
    uint16_t mode;
    uint32_t uid, gid, nlink, major, minor;
    uint64_t mtime, size;
    uint64_t block, blocks; /* first data block and number of them */
    size_t xattrs_size;     /* of the xattr area behind the inode */
    size_t tail;            /* bytes of content behind that */
};

struct erofs_dirent {
    uint64_t nid;
    char type;
    uint8_t length;
    const uint8_t *name; /* not terminated */
};

struct erofs_xattr {
    uint8_t index, name_length;
    uint16_t value_size;
    const uint8_t *name, *value; /* the name without what the index stands for */
};

enum { EROFS_XATTR_USER = 1, EROFS_XATTR_ACL_ACCESS, EROFS_XATTR_ACL_DEFAULT, EROFS_XATTR_SECURITY = 6 };

/* All functions return 0, or -1 with `error` filled in. */

/* Check the superblock of the image of `size` bytes at the start of the file. */
int erofs_open(struct erofs *fs, struct reader *reader, uint64_t size, struct olos_error *error);

/* An error of the image. Always returns -1. */
int erofs_defect(const struct erofs *fs, struct olos_error *error, const char *text);

/* Bytes of the image, and whether some of them are all zero. */
int erofs_read(const struct erofs *fs, uint64_t offset, void *buffer, size_t size, struct olos_error *error);
int erofs_require_zeros(const struct erofs *fs, uint64_t start, uint64_t end, struct olos_error *error);

/* The inode of that number. */
int erofs_inode(const struct erofs *fs, uint64_t nid, struct erofs_inode *inode, struct olos_error *error);

/* Where in the image the content of an inode from `offset` on lies (a tail begins a run of its own). */
uint64_t erofs_content(const struct erofs_inode *inode, uint64_t offset);

/* The entries of one block of a directory of `length` bytes, names in order: at most EROFS_MAX_DIRENTS.
   All blocks but the last are padded with zeros. */
int erofs_dirents(const struct erofs *fs, const uint8_t *block, size_t length, bool last,
                  struct erofs_dirent *entries, size_t *count, struct olos_error *error);

/* Check a whole xattr area; then read one after the other: erofs_next_xattr gives false at the end. */
int erofs_check_xattrs(const struct erofs *fs, const uint8_t *area, size_t size, struct olos_error *error);
bool erofs_next_xattr(const uint8_t *area, size_t size, size_t *position, struct erofs_xattr *xattr);
