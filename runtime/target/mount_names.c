#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mount_operations.h"

#define PERMISSIONS 01777 /* never a mode that gives an owner's rights away on the host */
#define UNKNOWN_INODE 0xffffffff
#define CHUNK (64 * 1024)

int mount_lookup(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const char *name = mount_take_name(call);
    if (!node)
        return -ESTALE;
    return name ? mount_answer_entry(call, node->fd, name) : -EINVAL;
}

int mount_readlink(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    char target[PATH_MAX];
    if (!node)
        return -ESTALE;
    ssize_t count = readlinkat(node->fd, "", target, sizeof target);
    return count < 0 ? -errno : mount_answer(call, target, (size_t)count);
}

int mount_mknod(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const struct fuse_mknod_in *in = mount_take(call, sizeof *in);
    const char *name = mount_take_name(call);
    if (!node)
        return -ESTALE;
    if (!in || !name)
        return -EINVAL;
    if (!S_ISREG(in->mode) && !S_ISFIFO(in->mode))
        return -EPERM;
    if (mknodat(node->fd, name, in->mode & (S_IFMT | PERMISSIONS), 0))
        return -errno;
    return mount_answer_entry(call, node->fd, name);
}

int mount_mkdir(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const struct fuse_mkdir_in *in = mount_take(call, sizeof *in);
    const char *name = mount_take_name(call);
    if (!node)
        return -ESTALE;
    if (!in || !name)
        return -EINVAL;
    return mkdirat(node->fd, name, in->mode & PERMISSIONS) ? -errno : mount_answer_entry(call, node->fd, name);
}

int mount_symlink(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const char *name = mount_take_name(call), *target = mount_take_text(call);
    if (!node)
        return -ESTALE;
    if (!name || !target)
        return -EINVAL;
    return symlinkat(target, node->fd, name) ? -errno : mount_answer_entry(call, node->fd, name);
}

int mount_link(struct mount_call *call)
{
    char place[16];
    const struct mount_node *node = mount_subject(call), *old;
    const struct fuse_link_in *in = mount_take(call, sizeof *in);
    const char *name = mount_take_name(call);
    if (!in || !name)
        return -EINVAL;
    old = mount_nodes_find(call->mount, in->oldnodeid);
    if (!node || !old)
        return -ESTALE;
    if (old->type != S_IFREG)
        return -EPERM;
    snprintf(place, sizeof place, "%d", old->fd);
    if (linkat(call->self, place, node->fd, name, AT_SYMLINK_FOLLOW))
        return -errno;
    return mount_answer_entry(call, node->fd, name);
}

static int take_away(struct mount_call *call, int flags)
{
    const struct mount_node *node = mount_subject(call);
    const char *name = mount_take_name(call);
    if (!node)
        return -ESTALE;
    if (!name)
        return -EINVAL;
    return unlinkat(node->fd, name, flags) ? -errno : 0;
}

int mount_unlink(struct mount_call *call)
{
    return take_away(call, 0);
}

int mount_rmdir(struct mount_call *call)
{
    return take_away(call, AT_REMOVEDIR);
}

static int change_name(struct mount_call *call, uint64_t directory, uint32_t flags)
{
    const struct mount_node *from = mount_subject(call), *to = mount_nodes_find(call->mount, directory);
    const char *old = mount_take_name(call), *new = mount_take_name(call);
    if (!from || !to)
        return -ESTALE;
    if (!old || !new || flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    return syscall(SYS_renameat2, from->fd, old, to->fd, new, flags) ? -errno : 0;
}

int mount_rename(struct mount_call *call)
{
    const struct fuse_rename_in *in = mount_take(call, sizeof *in);
    return in ? change_name(call, in->newdir, 0) : -EINVAL;
}

int mount_rename2(struct mount_call *call)
{
    const struct fuse_rename2_in *in = mount_take(call, sizeof *in);
    return in ? change_name(call, in->newdir, in->flags) : -EINVAL;
}

int mount_opendir(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    struct fuse_open_out answer = {0};
    if (!node)
        return -ESTALE;
    if (node->type != S_IFDIR)
        return -ENOTDIR;
    int fd = mount_reopen(call, node->fd, O_RDONLY | O_DIRECTORY);
    int code = fd < 0 ? fd : mount_handles_enter(call->mount, fd, true, &answer.fh);
    return code ? code : mount_answer(call, &answer, sizeof answer);
}

static struct mount_handle *take_directory(struct mount_call *call, uint64_t handle)
{
    return mount_handles_find(call->mount, handle, true);
}

/* Returns 0, or -ERANGE if there is no room for it. */
static int answer_name(struct mount_call *call, const struct dirent *entry, size_t room)
{
    static const uint8_t zeros[FUSE_DIRENT_ALIGN(1)];
    size_t length = strlen(entry->d_name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
    struct fuse_dirent head = {
        /* What is above the root of the mount is nobody's business. */
        .ino = strcmp(entry->d_name, "..") == 0 ? UNKNOWN_INODE : entry->d_ino,
        .off = (uint64_t)entry->d_off,
        .namelen = (uint32_t)length,
        .type = entry->d_type,
    };
    if (size > room - call->out_size || size > call->out_room - call->out_size)
        return -ERANGE;
    mount_answer(call, &head, FUSE_NAME_OFFSET);
    mount_answer(call, entry->d_name, length);
    return mount_answer(call, zeros, size - FUSE_NAME_OFFSET - length);
}

/* The place in a directory is that of the entry before, as the host counts: so nothing has to be kept here. */
int mount_readdir(struct mount_call *call)
{
    static _Alignas(struct dirent) char chunk[CHUNK];
    const struct fuse_read_in *in = mount_take(call, sizeof *in);
    const struct mount_handle *handle = in ? take_directory(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    if (lseek(handle->fd, (off_t)in->offset, SEEK_SET) < 0)
        return -errno;
    size_t wanted = in->size < sizeof chunk ? in->size : sizeof chunk;
    long count = syscall(SYS_getdents64, handle->fd, chunk, wanted);
    if (count < 0)
        return -errno;
    for (long at = 0; at < count;) {
        const struct dirent *entry = (const struct dirent *)(chunk + at);
        if (answer_name(call, entry, in->size))
            break;
        at += entry->d_reclen;
    }
    return 0;
}

int mount_releasedir(struct mount_call *call)
{
    const struct fuse_release_in *in = mount_take(call, sizeof *in);
    struct mount_handle *handle = in ? take_directory(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    mount_handles_close(handle);
    return 0;
}

int mount_fsyncdir(struct mount_call *call)
{
    const struct fuse_fsync_in *in = mount_take(call, sizeof *in);
    const struct mount_handle *handle = in ? take_directory(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    return fsync(handle->fd) ? -errno : 0;
}
