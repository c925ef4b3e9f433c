#include "erofs_walk.h"

#include <stdlib.h>
#include <string.h>


#define REQUIRE(condition, text)                                                                             \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return erofs_defect(w->fs, w->error, text);                                                      \
    } while (0)

/* A directory whose own entry was visited, but not yet what is in it. */
struct waiting {
    uint64_t nid, name_at;
    uint8_t length;
    uint8_t name[EROFS_MAX_NAME];
};

/* A directory under way. In path order `a/x` comes behind `a-b`, since `-` sorts before `/`: the content of
   a directory comes before the first name that is greater than its own name with a slash. Waiting
   subdirectories are therefore prefixes of one another, the longest last, and few. */
struct frame {
    struct erofs_inode inode;
    uint64_t parent;
    size_t path_length; /* of what its names are appended to: empty or with a slash at the end */
    uint32_t folder;    /* its place in walk.folders */
    uint32_t subdirectories;
    bool dot, dot_dot;
    uint64_t next_block; /* number of the directory block after the one in `block` */
    size_t at, count;    /* in `entries` */
    size_t names_size;   /* of all entries, with their records */
    uint8_t block[EROFS_BLOCK];
    struct erofs_dirent entries[EROFS_MAX_DIRENTS];
    size_t waiting_count, waiting_capacity;
    struct waiting *waiting;
};

/* A name as it lies in the image. */
struct name {
    uint64_t at;
    uint8_t length;
};

/* A directory that has been entered: what the first names of hard links are put together from. */
struct folder {
    struct name name;
    uint32_t parent; /* the root is its own */
};

/* A hard link group, by the place of its inode; inodes come in increasing order. */
struct group {
    uint64_t nid;
    struct name name;
    uint32_t folder;
    uint32_t left; /* names still to come */
};

struct walk {
    const struct erofs *fs;
    struct olos_error *error;
    erofs_visit *visit;
    void *context;
    char path[EROFS_MAX_PATH + 1 + EROFS_MAX_NAME + 1];
    char link[EROFS_MAX_PATH + 1];
    uint32_t inodes;
    uint64_t end; /* of the inodes so far */
    uint64_t first_block, next_block;
    uint64_t open_groups;
    size_t frame_count, frame_capacity, folder_count, folder_capacity, group_count, group_capacity;
    struct frame **frames;
    struct folder *folders;
    struct group *groups;
};

/* ---- placement (docs/formats.md section 2.1) ---- */

static uint64_t align(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static int place_data(struct walk *w, const struct erofs_inode *inode)
{
    if (!w->first_block)
        w->first_block = w->next_block = inode->block;
    REQUIRE(inode->block == w->next_block, "data blocks are not where they belong");
    w->next_block += inode->blocks;
    if (inode->tail)
        return 0;
    return erofs_require_zeros(w->fs, inode->block * EROFS_BLOCK + inode->size, w->next_block * EROFS_BLOCK,
                               w->error);
}

/* Read the next inode, which must lie where the placement rule puts it. */
static int place(struct walk *w, uint64_t nid, struct erofs_inode *inode)
{
    if (erofs_inode(w->fs, nid, inode, w->error))
        return -1;
    size_t whole = EROFS_INODE_SIZE + inode->xattrs_size + inode->tail;
    uint64_t start = align(w->end, EROFS_SLOT);
    if (inode->tail && start % EROFS_BLOCK + whole > EROFS_BLOCK)
        start = align(start, EROFS_BLOCK);
    w->inodes++;
    REQUIRE(nid * EROFS_SLOT == start, "an inode is not where it belongs, or has more names than it says");
    REQUIRE(inode->number == w->inodes, "an inode has a wrong number");
    if (erofs_require_zeros(w->fs, w->end, start, w->error))
        return -1;
    w->end = start + whole;
    return inode->blocks ? place_data(w, inode) : 0;
}

static int finish(struct walk *w)
{
    uint64_t metadata = align(w->end, EROFS_BLOCK) / EROFS_BLOCK;
    uint64_t blocks = w->first_block ? w->next_block : metadata < 2 ? 2 : metadata;
    REQUIRE(!w->open_groups, "an inode with fewer names than it says");
    REQUIRE(w->inodes == w->fs->inodes, "a wrong number of inodes in the superblock");
    REQUIRE(!w->first_block || w->first_block == metadata, "data blocks do not follow the inodes");
    REQUIRE(blocks * EROFS_BLOCK == w->fs->size, "a wrong number of blocks in the superblock");
    return erofs_require_zeros(w->fs, w->end, (w->first_block ? metadata : blocks) * EROFS_BLOCK, w->error);
}

/* ---- hard links ---- */

static struct group *find_group(struct walk *w, uint64_t nid)
{
    size_t low = 0, high = w->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->groups[middle].nid < nid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->group_count && w->groups[low].nid == nid && w->groups[low].left ? &w->groups[low] : NULL;
}

/* Where in the image the name of an entry of the present block lies. */
static uint64_t place_of_name(const struct frame *f, const struct erofs_dirent *entry)
{
    uint64_t block = erofs_content(&f->inode, (f->next_block - 1) * EROFS_BLOCK);
    return block + (uint64_t)(entry->name - f->block);
}

static void add_group(struct walk *w, const struct erofs_inode *inode, const struct frame *f,
                      const struct erofs_dirent *entry)
{
    w->groups = grown(w->groups, w->group_count, &w->group_capacity, sizeof *w->groups);
    w->groups[w->group_count++] = (struct group){
        .nid = inode->nid,
        .name = {place_of_name(f, entry), entry->length},
        .folder = f->folder,
        .left = inode->nlink - 1,
    };
    w->open_groups++;
}

/* Put the first name of a group together, from its end; it has been a path before. */
static int first_name(struct walk *w, const struct group *group, struct erofs_entry *entry)
{
    size_t at = sizeof w->link;
    const struct name *name = &group->name;
    for (uint32_t folder = group->folder;; folder = w->folders[folder].parent) {
        REQUIRE(name->length < at, "a path of more than 4095 bytes");
        at -= name->length;
        if (erofs_read(w->fs, name->at, w->link + at, name->length, w->error))
            return -1;
        if (!folder)
            break;
        w->link[--at] = '/';
        name = &w->folders[folder].name;
    }
    entry->link = w->link + at;
    entry->link_length = sizeof w->link - at;
    return 0;
}

/* ---- directories ---- */

/* Whether the block before could have taken the first entry of this one as well. */
static bool was_full(const struct frame *f, size_t names_size)
{
    return names_size + EROFS_DIRENT_SIZE + f->entries[0].length > EROFS_BLOCK;
}

static int load_block(struct walk *w, struct frame *f)
{
    uint64_t start = f->next_block * EROFS_BLOCK, left = f->inode.size - start;
    size_t length = left < EROFS_BLOCK ? (size_t)left : EROFS_BLOCK, names_size = f->names_size;
    struct erofs_dirent before = {0};
    uint8_t name[EROFS_MAX_NAME];
    if (f->next_block++) {
        before = f->entries[f->count - 1];
        memcpy(name, before.name, before.length);
    }
    if (erofs_read(w->fs, erofs_content(&f->inode, start), f->block, length, w->error) ||
        erofs_dirents(w->fs, f->block, length, left <= EROFS_BLOCK, f->entries, &f->count, w->error))
        return -1;
    if (before.length) {
        const struct erofs_dirent *first = &f->entries[0];
        int order = memcmp(name, first->name, before.length < first->length ? before.length : first->length);
        REQUIRE(order < 0 || (order == 0 && before.length < first->length), "directory names are not in order");
        REQUIRE(was_full(f, names_size), "a directory block is not full");
    }
    f->at = f->names_size = 0;
    for (size_t i = 0; i < f->count; i++)
        f->names_size += EROFS_DIRENT_SIZE + f->entries[i].length;
    return 0;
}

static bool is_called(const struct erofs_dirent *entry, const char *name)
{
    return entry->length == strlen(name) && memcmp(entry->name, name, entry->length) == 0;
}

/* Let the next name but `.` and `..` be at `f->at`; at the end of the directory that is `f->count`. */
static int settle(struct walk *w, struct frame *f)
{
    for (;;) {
        if (f->at == f->count) {
            if (f->next_block * EROFS_BLOCK >= f->inode.size)
                return 0;
            if (load_block(w, f))
                return -1;
        }
        const struct erofs_dirent *entry = &f->entries[f->at];
        bool dot = is_called(entry, "."), dot_dot = is_called(entry, "..");
        if (!dot && !dot_dot)
            return 0;
        REQUIRE(entry->type == 'd' && entry->nid == (dot ? f->inode.nid : f->parent), ". or .. points elsewhere");
        f->dot |= dot;
        f->dot_dot |= dot_dot;
        f->at++;
    }
}

static int enter(struct walk *w, const struct erofs_inode *inode, const struct frame *above,
                 const struct waiting *self)
{
    w->folders = grown(w->folders, w->folder_count, &w->folder_capacity, sizeof *w->folders);
    w->frames = grown(w->frames, w->frame_count, &w->frame_capacity, sizeof *w->frames);
    struct frame *f = allocate(1, sizeof *f);
    struct folder *folder = &w->folders[w->folder_count];
    *folder = (struct folder){0};
    w->frames[w->frame_count++] = f;
    f->inode = *inode;
    f->parent = inode->nid;
    f->folder = (uint32_t)w->folder_count++;
    if (above) {
        f->parent = above->inode.nid;
        *folder = (struct folder){{self->name_at, self->length}, above->folder};
        memcpy(w->path + above->path_length, self->name, self->length);
        f->path_length = above->path_length + self->length + 1;
        w->path[f->path_length - 1] = '/';
    }
    return settle(w, f);
}

static int leave(struct walk *w, struct frame *f)
{
    REQUIRE(f->dot && f->dot_dot, "a directory without . or ..");
    REQUIRE(f->subdirectories == f->inode.nlink - 2, "a directory with a wrong number of links");
    w->frame_count--;
    free(f->waiting);
    free(f);
    return 0;
}

static void let_wait(struct frame *f, const struct erofs_dirent *entry)
{
    f->waiting = grown(f->waiting, f->waiting_count, &f->waiting_capacity, sizeof *f->waiting);
    struct waiting *waiting = &f->waiting[f->waiting_count++];
    waiting->nid = entry->nid;
    waiting->name_at = place_of_name(f, entry);
    waiting->length = entry->length;
    memcpy(waiting->name, entry->name, entry->length);
    f->subdirectories++;
}

/* The subdirectory whose content comes next, or NULL if a name of this directory does. */
static const struct waiting *next_waiting(const struct frame *f)
{
    if (!f->waiting_count)
        return NULL;
    const struct waiting *last = &f->waiting[f->waiting_count - 1];
    if (f->at == f->count)
        return last;
    /* The name comes behind the subdirectory's own, so it is before its content only if it continues it. */
    const struct erofs_dirent *entry = &f->entries[f->at];
    bool continues = entry->length > last->length && memcmp(entry->name, last->name, last->length) == 0;
    return continues && entry->name[last->length] < '/' ? NULL : last;
}

/* ---- entries ---- */

static int visit_entry(struct walk *w, struct frame *f, const struct erofs_dirent *entry)
{
    struct erofs_inode inode;
    struct erofs_entry found = {.path = w->path, .path_length = f->path_length + entry->length, .inode = &inode};
    REQUIRE(found.path_length <= EROFS_MAX_PATH, "a path of more than 4095 bytes");
    memcpy(w->path + f->path_length, entry->name, entry->length);
    struct group *group = find_group(w, entry->nid);
    if (group) {
        if (erofs_inode(w->fs, entry->nid, &inode, w->error))
            return -1;
        group->left--;
        w->open_groups -= !group->left;
        if (first_name(w, group, &found))
            return -1;
    } else {
        if (place(w, entry->nid, &inode))
            return -1;
        if (inode.type == 'd') {
            let_wait(f, entry);
        } else if (inode.nlink > 1) {
            add_group(w, &inode, f, entry);
            found.link = found.path;
            found.link_length = found.path_length;
        }
    }
    REQUIRE(inode.type == entry->type, "a directory entry of another type than its inode");
    f->at++;
    return w->visit(w->context, &found, w->error) || settle(w, f) ? -1 : 0;
}

static int step(struct walk *w)
{
    struct frame *f = w->frames[w->frame_count - 1];
    const struct waiting *below = next_waiting(f);
    if (below) {
        struct erofs_inode inode;
        f->waiting_count--;
        return erofs_inode(w->fs, below->nid, &inode, w->error) || enter(w, &inode, f, below) ? -1 : 0;
    }
    return f->at == f->count ? leave(w, f) : visit_entry(w, f, &f->entries[f->at]);
}

static int walk_all(struct walk *w)
{
    struct erofs_inode root;
    struct erofs_entry entry = {.path = w->path, .link = w->link, .inode = &root};
    if (place(w, w->fs->root, &root))
        return -1;
    REQUIRE(root.type == 'd', "the root is not a directory");
    if (w->visit(w->context, &entry, w->error) || enter(w, &root, NULL, NULL))
        return -1;
    while (w->frame_count)
        if (step(w))
            return -1;
    return finish(w);
}

int erofs_walk(const struct erofs *fs, erofs_visit *visit, void *context, struct olos_error *error)
{
    struct walk *w = allocate(1, sizeof *w);
    *w = (struct walk){.fs = fs, .error = error, .visit = visit, .context = context, .end = EROFS_FIRST_INODE};
    int result = walk_all(w);
    while (w->frame_count) {
        struct frame *f = w->frames[--w->frame_count];
        free(f->waiting);
        free(f);
    }
    free(w->frames);
    free(w->folders);
    free(w->groups);
    free(w);
    return result;
}
