#include "mount_server.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "mount_operations.h"

#define MINOR 31 /* of FUSE 7: what the kernel must know at least, and what is spoken */
#define PAGE 4096

struct operation {
    int (*run)(struct mount_call *call);
    bool changes;
};

static int start(struct mount_call *call)
{
    const struct fuse_init_in *in = mount_take(call, offsetof(struct fuse_init_in, flags2));
    if (!in || in->major != FUSE_KERNEL_VERSION || in->minor < MINOR)
        return -EPROTO;
    const struct fuse_init_out answer = {
        .major = FUSE_KERNEL_VERSION,
        .minor = MINOR,
        .max_readahead = MOUNT_DATA,
        .flags = in->flags & (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA | FUSE_PARALLEL_DIROPS |
                              FUSE_MAX_PAGES),
        .max_write = MOUNT_DATA,
        .time_gran = 1,
        .max_pages = MOUNT_DATA / PAGE,
    };
    return mount_answer(call, &answer, sizeof answer);
}

static int nothing(struct mount_call *call)
{
    (void)call;
    return 0;
}

/* linux/fuse.h, enum fuse_opcode. What is not here the kernel does itself, or the app cannot have. */
static const struct operation operations[] = {
    [FUSE_LOOKUP] = {mount_lookup, false},
    [FUSE_GETATTR] = {mount_getattr, false},
    [FUSE_SETATTR] = {mount_setattr, true},
    [FUSE_READLINK] = {mount_readlink, false},
    [FUSE_SYMLINK] = {mount_symlink, true},
    [FUSE_MKNOD] = {mount_mknod, true},
    [FUSE_MKDIR] = {mount_mkdir, true},
    [FUSE_UNLINK] = {mount_unlink, true},
    [FUSE_RMDIR] = {mount_rmdir, true},
    [FUSE_RENAME] = {mount_rename, true},
    [FUSE_LINK] = {mount_link, true},
    [FUSE_OPEN] = {mount_open, false},
    [FUSE_READ] = {mount_read, false},
    [FUSE_WRITE] = {mount_write, true},
    [FUSE_STATFS] = {mount_statfs, false},
    [FUSE_RELEASE] = {mount_release, false},
    [FUSE_FSYNC] = {mount_fsync, false},
    [FUSE_INIT] = {start, false},
    [FUSE_OPENDIR] = {mount_opendir, false},
    [FUSE_READDIR] = {mount_readdir, false},
    [FUSE_RELEASEDIR] = {mount_releasedir, false},
    [FUSE_FSYNCDIR] = {mount_fsyncdir, false},
    [FUSE_CREATE] = {mount_create, true},
    [FUSE_DESTROY] = {nothing, false},
    [FUSE_RENAME2] = {mount_rename2, true},
};

static int run(struct mount_call *call)
{
    uint32_t opcode = call->head.opcode;
    if (opcode >= sizeof operations / sizeof *operations || !operations[opcode].run)
        return -ENOSYS;
    const struct operation *operation = &operations[opcode];
    if (operation->changes && call->share->read_only)
        return -EROFS;
    return operation->run(call);
}

static void forget(struct mount_call *call)
{
    const struct fuse_forget_in *one = mount_take(call, sizeof *one);
    if (one)
        mount_nodes_forget(call->mount, call->head.nodeid, one->nlookup);
}

static void forget_many(struct mount_call *call)
{
    const struct fuse_batch_forget_in *in = mount_take(call, sizeof *in);
    const struct fuse_forget_one *one;
    for (uint32_t i = 0; in && i < in->count && (one = mount_take(call, sizeof *one)); i++)
        mount_nodes_forget(call->mount, one->nodeid, one->nlookup);
}

/* The line has room for all notices of a kernel that keeps to its slots. */
static int notify(const struct mount_service *service, mount_notice notice)
{
    return write(service->notices, &notice, sizeof notice) == sizeof notice ? 0 : -1;
}

static int answer(const struct mount_service *service, struct mount_call *call, uint8_t slot)
{
    uint8_t *at = service->slots + (size_t)slot * MOUNT_SLOT_SIZE;
    call->out = at + sizeof(struct fuse_out_header);
    call->out_room = MOUNT_SLOT_SIZE - sizeof(struct fuse_out_header);
    int code = run(call);
    size_t size = sizeof(struct fuse_out_header) + (code ? 0 : call->out_size);
    const struct fuse_out_header head = {.len = (uint32_t)size, .error = code, .unique = call->head.unique};
    memcpy(at, &head, sizeof head);
    if (mount_nodes_crowded() && notify(service, MOUNT_NOTICE(MOUNT_NO_SLOT, 0)))
        return -1;
    return notify(service, MOUNT_NOTICE(slot, size));
}

static int serve_message(const struct mount_service *service, const struct mount_frame *frame,
                         const uint8_t *message)
{
    struct mount_call call = {
        .mount = frame->mount,
        .share = &service->shares[frame->mount],
        .owners = &service->owners,
        .self = service->self,
        .in = message + sizeof call.head,
        .in_size = frame->size - sizeof call.head,
    };
    memcpy(&call.head, message, sizeof call.head);
    if (call.head.opcode == FUSE_FORGET)
        forget(&call);
    else if (call.head.opcode == FUSE_BATCH_FORGET)
        forget_many(&call);
    else if (frame->slot < MOUNT_SLOTS)
        return answer(service, &call, frame->slot);
    else
        return -1;
    return 0;
}

int mount_serve(const struct mount_service *service)
{
    static _Alignas(8) uint8_t message[MOUNT_MESSAGE];
    struct mount_frame frame;
    for (;;) {
        ssize_t count = read_full(service->requests, &frame, sizeof frame);
        if (count == 0)
            return 0;
        if (count != sizeof frame || frame.size < sizeof(struct fuse_in_header) || frame.size > sizeof message ||
            frame.mount >= service->count || read_full(service->requests, message, frame.size) != frame.size ||
            serve_message(service, &frame, message))
            return -1;
    }
}
