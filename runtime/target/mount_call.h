/* One message of the guest's kernel (linux/fuse.h), and what every operation needs of it. Nothing in it is
   trusted: not its sizes, not its numbers, not its names. */
#pragma once

#include <linux/fuse.h>
#include <sys/stat.h>

#include "mount_nodes.h"

/* What a mount shows, and to whom. */
struct mount_share {
    int root; /* O_PATH */
    bool read_only;
};

struct mount_owners {
    uid_t caller;    /* whose files are the app's */
    gid_t caller_group;
    uint32_t user, group; /* the app's */
};

struct mount_call {
    unsigned mount;
    const struct mount_share *share;
    const struct mount_owners *owners;
    int self; /* /proc/self/fd, the way from a descriptor without rights to one with some */
    struct fuse_in_header head;
    const uint8_t *in; /* what follows the header, aligned to 8 */
    size_t in_size, in_taken;
    uint8_t *out; /* of the answer, behind its header; only ever written, since the kernel sees it */
    size_t out_size, out_room;
};

/* Take so many bytes of the message. NULL if there are fewer. */
const void *mount_take(struct mount_call *call, size_t size);

/* Take a name: one component of a path. NULL if there is none, or not one that stays in its directory. */
const char *mount_take_name(struct mount_call *call);

/* Take a text of 1 to PATH_MAX - 1 bytes. NULL if there is none. */
const char *mount_take_text(struct mount_call *call);

/* Add to the answer. Returns 0 or -ERANGE. */
int mount_answer(struct mount_call *call, const void *data, size_t size);

/* The node that the message is about. NULL if there is none; then the answer is -ESTALE. */
struct mount_node *mount_subject(const struct mount_call *call);

/* Open for use what is held without rights, if it is a regular file or a directory. Returns a descriptor or a
   negative errno. */
int mount_reopen(const struct mount_call *call, int fd, int flags);

/* The attributes as the app shall see them. */
void mount_attributes(const struct mount_call *call, const struct stat *status, struct fuse_attr *attributes);

/* Answer with the attributes of the file behind a descriptor. Returns 0 or a negative errno. */
int mount_answer_attributes(struct mount_call *call, int fd);

/* Count one more lookup of the file behind a descriptor without rights, which is kept or closed. Returns 0 with
   the entry, or a negative errno. */
int mount_enter(struct mount_call *call, int held, struct fuse_entry_out *entry);

/* Look a name up and answer with its entry. Returns 0 or a negative errno. */
int mount_answer_entry(struct mount_call *call, int directory, const char *name);

/* The flags of open(2) that the app may choose: never one that would wait, follow, or make something. */
int mount_open_flags(uint32_t flags);
