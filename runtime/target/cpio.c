#include "cpio.h"

#include <stdio.h>
#include <string.h>

#include "component.h"

#define BLOCK 512
#define HEADER_SIZE 110
#define DIRECTORY 040755u
#define REGULAR 0100400u
#define TRAILER "TRAILER!!!"

static void append(struct cpio *cpio, const void *data, size_t size)
{
    memory_append(cpio->fd, data, size);
    cpio->written += size;
}

static void pad(struct cpio *cpio, size_t unit)
{
    static const char zeros[BLOCK];
    append(cpio, zeros, (unit - cpio->written % unit) % unit);
}

static void member(struct cpio *cpio, const char *name, unsigned inode, unsigned mode, unsigned links,
                   const void *data, size_t size)
{
    char header[HEADER_SIZE + 1];
    /* ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check */
    snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode, mode,
             0u, 0u, links, 0u, (unsigned)size, 0u, 0u, 0u, 0u, (unsigned)strlen(name) + 1, 0u);
    append(cpio, header, HEADER_SIZE);
    append(cpio, name, strlen(name) + 1);
    pad(cpio, 4);
    append(cpio, data, size);
    pad(cpio, 4);
}

void cpio_directory(struct cpio *cpio, const char *name)
{
    member(cpio, name, ++cpio->inode, DIRECTORY, 2, "", 0);
}

void cpio_file(struct cpio *cpio, const char *name, const void *data, size_t size)
{
    member(cpio, name, ++cpio->inode, REGULAR, 1, data, size);
}

void cpio_end(struct cpio *cpio)
{
    member(cpio, TRAILER, 0, 0, 1, "", 0);
    pad(cpio, BLOCK);
}
