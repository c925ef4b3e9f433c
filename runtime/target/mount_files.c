#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "../include/olos/mounts.h"
#include "mount_operations.h"

#define PERMISSIONS 01777
#define SET_ID (S_ISUID | S_ISGID)

static struct mount_handle *find_file(struct mount_call *call, uint64_t handle)
{
    return mount_handles_find(call->mount, handle, false);
}

int mount_getattr(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    return node ? mount_answer_attributes(call, node->fd) : -ESTALE;
}

/* There is one owner that the app can give: that which the file has. */
static int set_owner(const struct mount_call *call, const struct mount_node *node,
                     const struct fuse_setattr_in *in)
{
    struct stat status;
    struct fuse_attr now;
    if (fstat(node->fd, &status))
        return -errno;
    mount_attributes(call, &status, &now);
    bool same = (!(in->valid & FATTR_UID) || in->uid == now.uid) &&
                (!(in->valid & FATTR_GID) || in->gid == now.gid);
    return same ? 0 : -EPERM;
}

/* A program that runs with its owner's rights on the host is not for the app to make. */
static int set_mode(const struct mount_call *call, const struct mount_node *node, uint32_t mode)
{
    char place[16];
    struct stat status;
    if (node->type == S_IFLNK)
        return -EOPNOTSUPP;
    if (fstat(node->fd, &status))
        return -errno;
    if (mode & SET_ID & ~status.st_mode)
        return -EPERM;
    snprintf(place, sizeof place, "%d", node->fd);
    return fchmodat(call->self, place, mode & (PERMISSIONS | SET_ID), 0) ? -errno : 0;
}

static int set_size(struct mount_call *call, const struct mount_node *node, const struct fuse_setattr_in *in)
{
    if (in->size > INT64_MAX)
        return -EFBIG;
    if (in->valid & FATTR_FH) {
        const struct mount_handle *handle = find_file(call, in->fh);
        return !handle ? -EBADF : ftruncate(handle->fd, (off_t)in->size) ? -errno : 0;
    }
    if (node->type != S_IFREG)
        return -EINVAL;
    int fd = mount_reopen(call, node->fd, O_WRONLY);
    if (fd < 0)
        return fd;
    int code = ftruncate(fd, (off_t)in->size) ? -errno : 0;
    close(fd);
    return code;
}

static struct timespec wanted_time(const struct fuse_setattr_in *in, unsigned valid, unsigned now, uint64_t seconds,
                                   uint32_t nanoseconds)
{
    if (in->valid & now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    if (!(in->valid & valid))
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds};
}

static int set_times(const struct mount_call *call, const struct mount_node *node, const struct fuse_setattr_in *in)
{
    char place[16];
    const struct timespec times[] = {
        wanted_time(in, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
        wanted_time(in, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
    };
    snprintf(place, sizeof place, "%d", node->fd);
    return utimensat(call->self, place, times, 0) ? -errno : 0;
}

int mount_setattr(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const struct fuse_setattr_in *in = mount_take(call, sizeof *in);
    int code = 0;
    if (!node)
        return -ESTALE;
    if (!in)
        return -EINVAL;
    if (in->valid & (FATTR_UID | FATTR_GID))
        code = set_owner(call, node, in);
    if (!code && in->valid & FATTR_MODE)
        code = set_mode(call, node, in->mode);
    if (!code && in->valid & FATTR_SIZE)
        code = set_size(call, node, in);
    if (!code && in->valid & (FATTR_ATIME | FATTR_MTIME))
        code = set_times(call, node, in);
    return code ? code : mount_answer_attributes(call, node->fd);
}

int mount_open(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const struct fuse_open_in *in = mount_take(call, sizeof *in);
    struct fuse_open_out answer = {0};
    if (!node)
        return -ESTALE;
    if (!in)
        return -EINVAL;
    if (call->share->read_only && (in->flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    if (node->type != S_IFREG)
        return -EACCES;
    int fd = mount_reopen(call, node->fd, mount_open_flags(in->flags));
    int code = fd < 0 ? fd : mount_handles_enter(call->mount, fd, false, &answer.fh);
    return code ? code : mount_answer(call, &answer, sizeof answer);
}

/* What somebody else has made meanwhile under that name. */
static int open_existing(const struct mount_call *call, int directory, const char *name,
                         const struct fuse_create_in *in)
{
    struct stat status;
    int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    bool file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    int opened = file ? mount_reopen(call, fd, mount_open_flags(in->flags) | ((int)in->flags & O_TRUNC)) : -EACCES;
    close(fd);
    return opened;
}

static int open_new(const struct mount_call *call, int directory, const char *name, const struct fuse_create_in *in)
{
    int flags = mount_open_flags(in->flags) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(directory, name, flags, in->mode & PERMISSIONS);
    if (fd < 0 && errno == EEXIST && !(in->flags & O_EXCL))
        return open_existing(call, directory, name, in);
    return fd < 0 ? -errno : fd;
}

int mount_create(struct mount_call *call)
{
    const struct mount_node *node = mount_subject(call);
    const struct fuse_create_in *in = mount_take(call, sizeof *in);
    const char *name = mount_take_name(call);
    char place[16];
    struct fuse_entry_out entry;
    struct fuse_open_out opened = {0};
    if (!node)
        return -ESTALE;
    if (!in || !name)
        return -EINVAL;
    int fd = open_new(call, node->fd, name, in);
    if (fd < 0)
        return fd;
    /* The entry is that of the opened file, whatever has the name by now. */
    snprintf(place, sizeof place, "%d", fd);
    int code = mount_enter(call, openat(call->self, place, O_PATH | O_CLOEXEC), &entry);
    if (code) {
        close(fd);
        return code;
    }
    code = mount_handles_enter(call->mount, fd, false, &opened.fh);
    if (code) {
        mount_nodes_forget(call->mount, entry.nodeid, 1);
        return code;
    }
    mount_answer(call, &entry, sizeof entry);
    return mount_answer(call, &opened, sizeof opened);
}

int mount_read(struct mount_call *call)
{
    const struct fuse_read_in *in = mount_take(call, sizeof *in);
    const struct mount_handle *handle = in ? find_file(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    size_t wanted = in->size < MOUNT_DATA ? in->size : MOUNT_DATA;
    ssize_t count = pread_full(handle->fd, call->out, wanted, in->offset);
    if (count < 0)
        return (int)count;
    call->out_size = (size_t)count;
    return 0;
}

int mount_write(struct mount_call *call)
{
    const struct fuse_write_in *in = mount_take(call, sizeof *in);
    const void *data = in ? mount_take(call, in->size) : NULL;
    const struct mount_handle *handle = in ? find_file(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    if (!data || in->offset > INT64_MAX)
        return -EINVAL;
    ssize_t count = pwrite(handle->fd, data, in->size, (off_t)in->offset);
    struct fuse_write_out answer = {.size = (uint32_t)count};
    return count < 0 ? -errno : mount_answer(call, &answer, sizeof answer);
}

int mount_fsync(struct mount_call *call)
{
    const struct fuse_fsync_in *in = mount_take(call, sizeof *in);
    const struct mount_handle *handle = in ? find_file(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    return (in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(handle->fd) : fsync(handle->fd)) ? -errno : 0;
}

int mount_release(struct mount_call *call)
{
    const struct fuse_release_in *in = mount_take(call, sizeof *in);
    struct mount_handle *handle = in ? find_file(call, in->fh) : NULL;
    if (!handle)
        return -EBADF;
    mount_handles_close(handle);
    return 0;
}

int mount_statfs(struct mount_call *call)
{
    struct statfs host;
    if (fstatfs(call->share->root, &host))
        return -errno;
    struct fuse_statfs_out answer = {.st = {
                                         .blocks = host.f_blocks,
                                         .bfree = host.f_bfree,
                                         .bavail = host.f_bavail,
                                         .files = host.f_files,
                                         .ffree = host.f_ffree,
                                         .bsize = (uint32_t)host.f_bsize,
                                         .namelen = (uint32_t)host.f_namelen,
                                         .frsize = (uint32_t)(host.f_frsize ? host.f_frsize : host.f_bsize),
                                     }};
    return mount_answer(call, &answer, sizeof answer);
}
