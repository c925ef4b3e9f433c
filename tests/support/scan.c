/* The first program of a kernel that mounts an EROFS image: writes all it finds there to a second disk.

   /dev/ubda is the image, /dev/ubdb takes the records: a header of nine u64 (1, mode, uid, gid, mtime, device,
   inode, number of xattrs, number of links), then length and bytes of path, content or target, and of each
   xattr's name and value. A zero ends the list, unless something failed: then there is none. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static FILE *out;
static char buffer[1 << 23];

static void check(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    reboot(RB_POWER_OFF);
}

static void put(uint64_t value)
{
    check(fwrite(&value, sizeof value, 1, out) == 1, "write");
}

static void put_bytes(const void *data, size_t size)
{
    put(size);
    check(fwrite(data, 1, size, out) == size, "write");
}

static size_t content(const char *path, const struct stat *status)
{
    if (S_ISLNK(status->st_mode))
        return (size_t)readlink(path, buffer, sizeof buffer);
    if (!S_ISREG(status->st_mode))
        return 0;
    FILE *file = fopen(path, "r");
    check(file != NULL, path);
    size_t size = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    check(size == (size_t)status->st_size, "size");
    return size;
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)type, (void)where;
    static char names[1 << 16];
    ssize_t size = llistxattr(path, names, sizeof names);
    check(size >= 0, "llistxattr");
    uint64_t count = 0;
    for (char *name = names; name < names + size; name += strlen(name) + 1)
        count++;
    int device = S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode);
    uint64_t rdev = device ? (uint64_t)major(status->st_rdev) << 32 | minor(status->st_rdev) : 0;
    uint64_t header[] = {1, status->st_mode, status->st_uid, status->st_gid, (uint64_t)status->st_mtime,
                         rdev, status->st_ino, count, status->st_nlink};
    check(fwrite(header, sizeof header, 1, out) == 1, "write");
    put_bytes(path, strlen(path));
    size_t length = content(path, status);
    put_bytes(buffer, length);
    for (char *name = names; name < names + size; name += strlen(name) + 1) {
        ssize_t value = lgetxattr(path, name, buffer, sizeof buffer);
        check(value >= 0, name);
        put_bytes(name, strlen(name));
        put_bytes(buffer, (size_t)value);
    }
    return 0;
}

int main(void)
{
    check(syscall(SYS_finit_module, open("/erofs.ko", O_RDONLY), "", 0) == 0, "module");
    mkdir("/dev", 0755);
    mkdir("/mnt", 0755);
    mknod("/dev/ubda", S_IFBLK | 0600, makedev(98, 0));
    mknod("/dev/ubdb", S_IFBLK | 0600, makedev(98, 16));
    check(mount("/dev/ubda", "/mnt", "erofs", MS_RDONLY, "") == 0, "mount");
    out = fopen("/dev/ubdb", "r+");
    check(out != NULL, "ubdb");
    check(chroot("/mnt") == 0 && chdir("/") == 0, "chroot");
    check(nftw(".", visit, 500, FTW_PHYS) == 0, "nftw");
    put(0);
    check(fflush(out) == 0 && fsync(fileno(out)) == 0, "sync");
    reboot(RB_POWER_OFF);
}
