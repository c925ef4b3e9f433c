/* The mount server without its process: serves one directory on descriptors that a test has made, and without
   walls of the host's, so that only its own care keeps it inside.

   mount_harness DIRECTORY ro|rw REQUESTS NOTICES SLOTS DESCRIPTORS */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount_server.h"

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    struct rlimit limit = {(rlim_t)atoi(argv[6]), (rlim_t)atoi(argv[6])};
    struct mount_service service = {
        .count = 1,
        .shares = {{open(argv[1], O_PATH | O_DIRECTORY), strcmp(argv[2], "ro") == 0}},
        .owners = {geteuid(), getegid(), 1000, 2000},
        .requests = atoi(argv[3]),
        .notices = atoi(argv[4]),
        .self = open("/proc/self/fd", O_PATH | O_DIRECTORY),
    };
    umask(0);
    service.slots = mmap(NULL, (size_t)MOUNT_SLOTS * MOUNT_SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[5]), 0);
    if (service.slots == MAP_FAILED || setrlimit(RLIMIT_NOFILE, &limit))
        return 3;
    mount_nodes_prepare();
    if (mount_nodes_add_root(service.shares[0].root))
        return 4;
    return mount_serve(&service) ? 5 : 0;
}
