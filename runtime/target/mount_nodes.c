#include "mount_nodes.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../include/olos/mounts.h"

#define MAX_DESCRIPTORS 131072
#define FEW_DESCRIPTORS 256 /* what every system offers */
#define RESERVED 64         /* for what is open besides, and for the moment */
#define NONE UINT32_MAX

static struct {
    struct mount_node *items;
    uint32_t *buckets;
    uint32_t room;
    uint32_t count; /* places that were ever used */
    uint32_t free;  /* the first of those that are not, now */
    uint32_t taken, roots, hinted;
} nodes;

static struct {
    struct mount_handle *items;
    uint32_t room, last;
} handles;

/* As many descriptors as the caller's limit allows. */
static uint32_t descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return FEW_DESCRIPTORS;
    limit.rlim_cur = limit.rlim_max < MAX_DESCRIPTORS ? limit.rlim_max : MAX_DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < FEW_DESCRIPTORS)
        return FEW_DESCRIPTORS;
    return (uint32_t)limit.rlim_cur;
}

void mount_nodes_prepare(void)
{
    uint32_t all = descriptors() - RESERVED;
    handles.room = all / 4;
    handles.items = allocate(handles.room, sizeof *handles.items);
    for (uint32_t i = 0; i < handles.room; i++)
        handles.items[i].fd = -1;
    nodes.room = all - handles.room;
    nodes.items = allocate(nodes.room, sizeof *nodes.items);
    nodes.buckets = allocate(nodes.room, sizeof *nodes.buckets);
    for (uint32_t i = 0; i < nodes.room; i++)
        nodes.buckets[i] = NONE;
    nodes.free = NONE;
}

/* Numbers are never 0, and those of a place that is used again differ. */
static uint64_t number(uint32_t place, uint32_t generation)
{
    return (uint64_t)generation << 32 | (place + 1);
}

static uint32_t *bucket(unsigned mount, dev_t device, ino_t inode)
{
    uint64_t key = (inode ^ (uint64_t)device << 40 ^ (uint64_t)mount << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return &nodes.buckets[(key >> 32) % nodes.room];
}

static uint32_t find_known(unsigned mount, const struct stat *status)
{
    uint32_t at = *bucket(mount, status->st_dev, status->st_ino);
    while (at != NONE && (nodes.items[at].inode != status->st_ino || nodes.items[at].device != status->st_dev ||
                          nodes.items[at].mount != mount))
        at = nodes.items[at].next;
    return at;
}

static uint32_t take_place(void)
{
    uint32_t place = nodes.free;
    if (place != NONE)
        nodes.free = nodes.items[place].next;
    else
        place = nodes.count < nodes.room ? nodes.count++ : NONE;
    return place;
}

static uint32_t add(unsigned mount, int fd, const struct stat *status)
{
    uint32_t place = take_place();
    if (place == NONE)
        return NONE;
    struct mount_node *node = &nodes.items[place];
    uint32_t *first = bucket(mount, status->st_dev, status->st_ino);
    *node = (struct mount_node){.fd = fd,
                                .type = status->st_mode & S_IFMT,
                                .device = status->st_dev,
                                .inode = status->st_ino,
                                .generation = node->generation,
                                .next = *first,
                                .mount = (uint8_t)mount};
    *first = place;
    nodes.taken++;
    return place;
}

/* A root is found by its order, never forgotten, and known to lookups as any other file. */
int mount_nodes_add_root(int fd)
{
    struct stat status;
    uint32_t place;
    if (fstat(fd, &status) || (place = add(nodes.roots, fd, &status)) == NONE)
        return -1;
    nodes.items[place].lookups = 1;
    nodes.roots++;
    return 0;
}

int mount_nodes_enter(unsigned mount, int fd, const struct stat *status, uint64_t *id)
{
    uint32_t place = find_known(mount, status);
    if (place != NONE)
        close(fd);
    else if ((place = add(mount, fd, status)) == NONE) {
        close(fd);
        return -ENFILE;
    }
    nodes.items[place].lookups++;
    *id = place < nodes.roots ? 1 : number(place, nodes.items[place].generation);
    return 0;
}

struct mount_node *mount_nodes_find(unsigned mount, uint64_t id)
{
    uint64_t place = id == 1 ? mount : (id & UINT32_MAX) - 1;
    if (place >= nodes.count || (id != 1 && place < nodes.roots))
        return NULL;
    struct mount_node *node = &nodes.items[place];
    bool right = node->lookups && node->mount == mount && (id == 1 || node->generation == id >> 32);
    return right ? node : NULL;
}

void mount_nodes_forget(unsigned mount, uint64_t id, uint64_t lookups)
{
    struct mount_node *node = id == 1 ? NULL : mount_nodes_find(mount, id);
    if (!node)
        return;
    node->lookups -= lookups < node->lookups ? lookups : node->lookups;
    if (node->lookups)
        return;
    uint32_t place = (uint32_t)(node - nodes.items), *link = bucket(mount, node->device, node->inode);
    while (*link != place)
        link = &nodes.items[*link].next;
    *link = node->next;
    close(node->fd);
    node->generation++;
    node->next = nodes.free;
    nodes.free = place;
    nodes.taken--;
}

bool mount_nodes_crowded(void)
{
    uint32_t step = nodes.room / 8;
    if (nodes.taken < nodes.room / 2) {
        nodes.hinted = 0;
        return false;
    }
    if (nodes.hinted && nodes.taken < nodes.hinted + step)
        return false;
    nodes.hinted = nodes.taken;
    return true;
}

static uint32_t free_handle(void)
{
    for (uint32_t i = 0; i < handles.room; i++) {
        uint32_t place = (handles.last + i) % handles.room;
        if (handles.items[place].fd < 0)
            return handles.last = place;
    }
    return NONE;
}

int mount_handles_enter(unsigned mount, int fd, bool directory, uint64_t *id)
{
    uint32_t place = free_handle();
    if (place == NONE) {
        close(fd);
        return -ENFILE;
    }
    struct mount_handle *handle = &handles.items[place];
    *handle = (struct mount_handle){
        .fd = fd, .generation = handle->generation, .directory = directory, .mount = (uint8_t)mount};
    *id = number(place, handle->generation);
    return 0;
}

struct mount_handle *mount_handles_find(unsigned mount, uint64_t id, bool directory)
{
    uint64_t place = (id & UINT32_MAX) - 1;
    if (place >= handles.room)
        return NULL;
    struct mount_handle *handle = &handles.items[place];
    bool right = handle->fd >= 0 && handle->mount == mount && handle->directory == directory &&
                 handle->generation == id >> 32;
    return right ? handle : NULL;
}

void mount_handles_close(struct mount_handle *handle)
{
    close(handle->fd);
    handle->fd = -1;
    handle->generation++;
}
