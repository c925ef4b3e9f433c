#include "rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../include/olos/control.h"
#include "block.h"
#include "dm.h"

#define MODULES "/modules"
#define SECTOR 512
#define BLOCK 4096
#define READ_AHEAD_SECTORS 1024ul

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int module_load(const char *name, struct olos_error *error)
{
    char path[sizeof MODULES + 1 + 256];
    snprintf(path, sizeof path, "%s/%s", MODULES, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0))
        return olos_fail(error, OLOS_FAILED, "init: module %s cannot be loaded: %s", name, strerror(errno));
    close(file);
    unlink(path); /* its memory is of use to the app */
    return 0;
}

int modules_load(struct olos_error *error)
{
    struct dirent **entries;
    int count = scandir(MODULES, &entries, is_visible, by_name);
    for (int i = 0; i < count; i++)
        if (module_load(entries[i]->d_name, error))
            return -1;
    return 0; /* without any the kernel has all built in */
}

static int open_verity(const struct olos_rootfs *rootfs, const struct extent *extent, dev_t *verity,
                       struct olos_error *error)
{
    char table[256], root[65];
    dev_t image;
    uint64_t blocks = rootfs->image_size / BLOCK;
    snprintf(table, sizeof table, "%u:%u %" PRIu64, UBD_MAJOR, UBD_MINORS * CONTROL_ROOTFS,
             extent->offset / SECTOR);
    if (dm_create("olos-image", "linear", table, extent->size / SECTOR, &image, error))
        return -1;
    hex_sha256(rootfs->verity_root, root);
    /* The hash tree begins behind the superblock, which is one block. No option: a block that does not
       match is an I/O error for its reader. */
    snprintf(table, sizeof table, "1 %1$u:%2$u %1$u:%2$u %3$d %3$d %4$" PRIu64 " %5$" PRIu64 " sha256 %6$s -",
             major(image), minor(image), BLOCK, blocks, blocks + 1, root);
    return dm_create("olos-rootfs", "verity", table, rootfs->image_size / SECTOR, verity, error);
}

static int mount_image(dev_t verity, struct olos_error *error)
{
    static const char path[] = "/dev/rootfs";
    if (mknod(path, S_IFBLK | 0400, verity))
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be made: %s", path, strerror(errno));
    int device = open(path, O_RDONLY | O_CLOEXEC);
    if (device >= 0) {
        ioctl(device, BLKRASET, READ_AHEAD_SECTORS); /* only speed depends on it */
        close(device);
    }
    if (mount(path, "/lower", "erofs", MS_RDONLY, NULL))
        return olos_fail(error, OLOS_MISMATCH, "the root file system cannot be opened: %s%s", strerror(errno),
                         errno == EIO ? " (it does not match verity_root of the manifest)" : "");
    return 0;
}

static int mount_overlay(struct olos_error *error)
{
    if (mount("tmpfs", "/upper", "tmpfs", 0, "mode=0755") || mkdir("/upper/data", 0755) ||
        mkdir("/upper/work", 0755) ||
        mount("overlay", "/merged", "overlay", 0,
              "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work,redirect_dir=on,xino=on"))
        return olos_fail(error, OLOS_FAILED, "init: the writable layer cannot be made: %s", strerror(errno));
    return 0;
}

int rootfs_enter(const struct olos_rootfs *rootfs, const struct extent *extent, struct olos_error *error)
{
    dev_t verity;
    if (mkdir("/lower", 0755) || mkdir("/upper", 0755) || mkdir("/merged", 0755))
        return olos_fail(error, OLOS_FAILED, "init: no directories: %s", strerror(errno));
    if (open_verity(rootfs, extent, &verity, error) || mount_image(verity, error) || mount_overlay(error))
        return -1;
    if (chdir("/merged") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
        return olos_fail(error, OLOS_FAILED, "init: the root cannot be entered: %s", strerror(errno));
    return 0;
}
