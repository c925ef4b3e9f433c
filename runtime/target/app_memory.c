#include "app_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PAGE 4096

/* One that never has a name is never left behind; some file systems of users (FUSE) know no such files. */
static int unnamed_file(const char *directory)
{
    char name[MEMORY_DIRECTORY_ROOM + sizeof "/olos-XXXXXX"];
    int fd = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0700);
    if (fd >= 0)
        return fd;
    snprintf(name, sizeof name, "%s/olos-XXXXXX", directory);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

static bool can_hold(const char *directory, uint64_t size)
{
    struct statvfs space;
    if (statvfs(directory, &space) || space.f_bavail * space.f_frsize < size)
        return false;
    int fd = unnamed_file(directory);
    if (fd < 0)
        return false;
    void *page = ftruncate(fd, PAGE) ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    close(fd);
    return page != MAP_FAILED && munmap(page, PAGE) == 0;
}

bool memory_find_directory(char directory[MEMORY_DIRECTORY_ROOM], uint64_t size)
{
    const char *const places[] = {"/dev/shm", getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *place = places[i];
        if (!place || *place != '/' || strlen(place) >= MEMORY_DIRECTORY_ROOM || !can_hold(place, size))
            continue;
        strcpy(directory, place);
        return true;
    }
    *directory = 0;
    return false;
}

int memory_fail(uint64_t size, struct olos_error *error)
{
    return olos_fail(error, OLOS_FAILED,
                     "no directory for the %" PRIu64 " MiB of memory that the policy gives the app\n"
                     "  hint: make /dev/shm, $TMPDIR or /tmp writable, with that much room and without noexec",
                     size >> 20);
}
