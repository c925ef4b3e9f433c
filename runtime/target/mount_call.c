#include "mount_call.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NOBODY 65534
#define VALID_SECONDS 1 /* how long the kernel may rely on a name or an attribute */

const void *mount_take(struct mount_call *call, size_t size)
{
    const uint8_t *at = call->in + call->in_taken;
    if (size > call->in_size - call->in_taken)
        return NULL;
    call->in_taken += size;
    return at;
}

static const char *take_text(struct mount_call *call, size_t longest)
{
    const char *text = (const char *)call->in + call->in_taken;
    size_t room = call->in_size - call->in_taken, length = strnlen(text, room);
    if (length == room || length == 0 || length > longest)
        return NULL;
    call->in_taken += length + 1;
    return text;
}

const char *mount_take_text(struct mount_call *call)
{
    return take_text(call, PATH_MAX - 1);
}

const char *mount_take_name(struct mount_call *call)
{
    const char *name = take_text(call, NAME_MAX);
    bool stays = name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    return stays ? name : NULL;
}

int mount_answer(struct mount_call *call, const void *data, size_t size)
{
    if (size > call->out_room - call->out_size)
        return -ERANGE;
    memcpy(call->out + call->out_size, data, size);
    call->out_size += size;
    return 0;
}

struct mount_node *mount_subject(const struct mount_call *call)
{
    return mount_nodes_find(call->mount, call->head.nodeid);
}

int mount_reopen(const struct mount_call *call, int fd, int flags)
{
    char place[16];
    struct stat status;
    if (fstat(fd, &status))
        return -errno;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return -EACCES; /* a fifo would wait, a device would act */
    snprintf(place, sizeof place, "%d", fd);
    int opened = openat(call->self, place, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return opened < 0 ? -errno : opened;
}

void mount_attributes(const struct mount_call *call, const struct stat *status, struct fuse_attr *attributes)
{
    const struct mount_owners *owners = call->owners;
    *attributes = (struct fuse_attr){
        .ino = status->st_ino,
        .size = (uint64_t)status->st_size,
        .blocks = (uint64_t)status->st_blocks,
        .atime = (uint64_t)status->st_atim.tv_sec,
        .mtime = (uint64_t)status->st_mtim.tv_sec,
        .ctime = (uint64_t)status->st_ctim.tv_sec,
        .atimensec = (uint32_t)status->st_atim.tv_nsec,
        .mtimensec = (uint32_t)status->st_mtim.tv_nsec,
        .ctimensec = (uint32_t)status->st_ctim.tv_nsec,
        .mode = status->st_mode,
        .nlink = (uint32_t)status->st_nlink,
        .uid = status->st_uid == owners->caller ? owners->user : NOBODY,
        .gid = status->st_gid == owners->caller_group ? owners->group : NOBODY,
        .rdev = makedev(major(status->st_rdev), minor(status->st_rdev)) & UINT32_MAX,
        .blksize = (uint32_t)status->st_blksize,
    };
}

int mount_answer_attributes(struct mount_call *call, int fd)
{
    struct stat status;
    struct fuse_attr_out answer = {.attr_valid = VALID_SECONDS};
    if (fstat(fd, &status))
        return -errno;
    mount_attributes(call, &status, &answer.attr);
    return mount_answer(call, &answer, sizeof answer);
}

int mount_enter(struct mount_call *call, int held, struct fuse_entry_out *entry)
{
    struct stat status;
    *entry = (struct fuse_entry_out){.entry_valid = VALID_SECONDS, .attr_valid = VALID_SECONDS};
    if (held < 0)
        return -errno;
    if (fstat(held, &status)) {
        int code = -errno;
        close(held);
        return code;
    }
    mount_attributes(call, &status, &entry->attr);
    return mount_nodes_enter(call->mount, held, &status, &entry->nodeid);
}

int mount_answer_entry(struct mount_call *call, int directory, const char *name)
{
    struct fuse_entry_out entry;
    int code = mount_enter(call, openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), &entry);
    return code ? code : mount_answer(call, &entry, sizeof entry);
}

int mount_open_flags(uint32_t flags)
{
    return (int)flags & (O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC);
}
