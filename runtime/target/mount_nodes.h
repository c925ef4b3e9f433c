/* What the guest's kernel knows by number: files it has looked up, and files it has opened. Both numbers
   come back from a kernel that may lie; a wrong one finds nothing. */
#pragma once

#include <sys/stat.h>

#include "../common/util.h"

/* A file, held by a descriptor without rights (O_PATH), so that no rename outside changes what it is. */
struct mount_node {
    int fd;
    mode_t type; /* S_IFMT */
    dev_t device;
    ino_t inode;
    uint64_t lookups; /* that the kernel has not taken back; 0: unused */
    uint32_t generation;
    uint32_t next; /* with the same hash, or unused as well */
    uint8_t mount;
};

struct mount_handle {
    int fd; /* -1: unused */
    uint32_t generation;
    bool directory;
    uint8_t mount;
};

/* Make room for as many as the limit on descriptors leaves. */
void mount_nodes_prepare(void);

/* The root of a mount, in their order; the descriptor is kept. */
int mount_nodes_add_root(int fd);

/* A file that the kernel has looked up: one more lookup if it is known. The descriptor is kept or closed.
   Returns 0 with its number, or a negative errno. */
int mount_nodes_enter(unsigned mount, int fd, const struct stat *status, uint64_t *id);

/* NULL for a number that was not given for this mount. */
struct mount_node *mount_nodes_find(unsigned mount, uint64_t id);

/* The kernel takes lookups back. */
void mount_nodes_forget(unsigned mount, uint64_t id, uint64_t lookups);

/* True now and then while more than half of the room is taken. */
bool mount_nodes_crowded(void);

/* A file that was opened; the descriptor is kept or closed. Returns 0 with its number, or a negative errno. */
int mount_handles_enter(unsigned mount, int fd, bool directory, uint64_t *id);

/* NULL for a number that was not given for this mount, or for the other kind of file. */
struct mount_handle *mount_handles_find(unsigned mount, uint64_t id, bool directory);

void mount_handles_close(struct mount_handle *handle);
