#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../common/policy.h"
#include "../include/olos/control.h"
#include "../include/olos/mounts.h"
#include "block.h"
#include "control.h"

#define SECTOR 512
#define MISC_MAJOR 10
#define FUSE_MINOR 229
#define DROP_CACHES "/proc/sys/vm/drop_caches"
#define DROP_NAMES_AND_FILES "2"
#define DROP_QUIETLY "4"

static struct {
    int line, slots, drop;
    size_t opened, mounted;
    int devices[MOUNT_MAX];
    pthread_mutex_t lock; /* of the line, and of the slots */
    sem_t free_slots;
    bool used[MOUNT_SLOTS];
    uint8_t owner[MOUNT_SLOTS]; /* which mount awaits the answer in it */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The server is gone. The target knows, says so, and ends the kernel. */
static _Noreturn void await_end(void)
{
    for (;;)
        pause();
}

/* ---- to the server ---- */

/* Those that have no answer. */
static bool is_notification(const struct fuse_in_header *head)
{
    return head->opcode == FUSE_FORGET || head->opcode == FUSE_BATCH_FORGET;
}

static uint8_t take_slot(uint8_t mount)
{
    uint8_t slot = 0;
    while (slot < MOUNT_SLOTS - 1 && state.used[slot])
        slot++;
    state.used[slot] = true;
    state.owner[slot] = mount;
    return slot;
}

/* `message` has room for the frame in front of it. */
static void send_message(uint8_t mount, uint8_t *message, uint32_t size)
{
    struct mount_frame frame = {.size = size, .mount = mount, .slot = MOUNT_NO_SLOT};
    struct fuse_in_header head;
    memcpy(&head, message, sizeof head);
    if (!is_notification(&head))
        while (sem_wait(&state.free_slots))
            ;
    pthread_mutex_lock(&state.lock);
    if (!is_notification(&head))
        frame.slot = take_slot(mount);
    memcpy(message - sizeof frame, &frame, sizeof frame);
    if (write_full(state.line, message - sizeof frame, sizeof frame + size) < 0)
        await_end();
    pthread_mutex_unlock(&state.lock);
}

static void *carry_requests(void *mount)
{
    uint8_t number = (uint8_t)(uintptr_t)mount;
    uint8_t *buffer = allocate(1, sizeof(struct mount_frame) + MOUNT_MESSAGE);
    uint8_t *message = buffer + sizeof(struct mount_frame);
    for (;;) {
        ssize_t size = read(state.devices[number], message, MOUNT_MESSAGE);
        if (size >= (ssize_t)sizeof(struct fuse_in_header))
            send_message(number, message, (uint32_t)size);
        else if (size < 0 && errno == ENODEV)
            return NULL; /* unmounted */
    }
}

/* ---- from the server ---- */

static void forget_files(void)
{
    (void)!pwrite(state.drop, DROP_NAMES_AND_FILES, 1, 0);
}

static void take_answer(uint8_t slot, uint32_t size)
{
    /* Direct reading, as the host changes what is in the slots, needs memory on whole sectors. */
    static _Alignas(4096) uint8_t buffer[MOUNT_SLOT_SIZE];
    size_t rounded = (size + SECTOR - 1) / SECTOR * SECTOR;
    if (slot >= MOUNT_SLOTS || !state.used[slot] || size > MOUNT_SLOT_SIZE ||
        pread_full(state.slots, buffer, rounded, (uint64_t)slot * MOUNT_SLOT_SIZE) != (ssize_t)rounded)
        die(OLOS_FAILED, "init: the mount server has sent a wrong notice");
    int device = state.devices[state.owner[slot]];
    pthread_mutex_lock(&state.lock);
    state.used[slot] = false;
    pthread_mutex_unlock(&state.lock);
    sem_post(&state.free_slots);
    (void)!write(device, buffer, size); /* refused if nobody awaits it any more */
}

static void *carry_answers(void *unused)
{
    mount_notice notice;
    while (read_full(state.line, &notice, sizeof notice) == sizeof notice)
        if (MOUNT_NOTICE_SLOT(notice) == MOUNT_NO_SLOT)
            forget_files();
        else
            take_answer(MOUNT_NOTICE_SLOT(notice), MOUNT_NOTICE_SIZE(notice));
    await_end();
    return unused;
}

/* ---- start ---- */

/* The name goes away again: the open file is what counts. */
static int open_device(const char *path, mode_t type, dev_t device, int flags, struct olos_error *error)
{
    int fd = mknod(path, type | 0600, device) ? -1 : open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be opened: %s", path, strerror(errno));
    unlink(path);
    return fd;
}

/* Later /proc is not for writing any more. */
static int open_drop_caches(struct olos_error *error)
{
    int file = -1;
    if ((mkdir("/proc", 0555) == 0 || errno == EEXIST) && mount("proc", "/proc", "proc", 0, NULL) == 0)
        file = open(DROP_CACHES, O_WRONLY | O_CLOEXEC);
    if (file < 0 || pwrite(file, DROP_QUIETLY, 1, 0) != 1)
        return olos_fail(error, OLOS_FAILED, "init: " DROP_CACHES " cannot be used: %s", strerror(errno));
    umount2("/proc", MNT_DETACH);
    return file;
}

static int start(void *(*run)(void *), uintptr_t argument, struct olos_error *error)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, run, (void *)argument);
    if (code)
        return olos_fail(error, OLOS_FAILED, "init: no thread for host mounts: %s", strerror(code));
    pthread_detach(thread);
    return 0;
}

static int open_lines(struct olos_error *error)
{
    dev_t slots = makedev(UBD_MAJOR, UBD_MINORS * CONTROL_MOUNT_SLOTS);
    state.line = line_open(CONTROL_MOUNTS, 0, error);
    if (state.line < 0)
        return -1;
    state.slots = open_device("/dev/mount-slots", S_IFBLK, slots, O_RDONLY | O_DIRECT, error);
    if (state.slots < 0)
        return -1;
    state.drop = open_drop_caches(error);
    return state.drop < 0 ? -1 : 0;
}

int mounts_open(const struct olos_policy *policy, struct olos_error *error)
{
    if (!policy_has_host_mounts(policy))
        return 0;
    if (open_lines(error))
        return -1;
    for (size_t i = 0; i < policy->mount_count; i++) {
        if (policy->mounts[i].type != OLOS_MOUNT_HOST)
            continue;
        int device = open_device("/dev/fuse", S_IFCHR, makedev(MISC_MAJOR, FUSE_MINOR), O_RDWR, error);
        if (device < 0)
            return -1;
        state.devices[state.opened++] = device;
    }
    sem_init(&state.free_slots, 0, MOUNT_SLOTS);
    return start(carry_answers, 0, error);
}

int mounts_add(const struct olos_mount *m, struct olos_error *error)
{
    char options[128];
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (m->read_only ? MS_RDONLY : 0);
    size_t number = state.mounted++;
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40755,user_id=0,group_id=0,default_permissions,allow_other,max_read=%d",
             state.devices[number], MOUNT_DATA);
    if (mount("host", m->target, "fuse", flags, options))
        return olos_fail(error, OLOS_FAILED, "policy.mounts: %s cannot be mounted: %s", m->target, strerror(errno));
    return start(carry_requests, number, error);
}

void mounts_finish(void)
{
    if (state.mounted)
        sync();
}
