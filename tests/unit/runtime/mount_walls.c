/* What code in the mount server's place could do: each attempt is named with its result.

   mount_walls DIRECTORY ro|rw */

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount_confine.h"
#include "namespaces.h"

static void tell(const char *what, long result)
{
    char line[80];
    int length = snprintf(line, sizeof line, "%s %s\n", what, result < 0 ? strerror(errno) : "done");
    (void)!write(1, line, (size_t)length);
}

static void attempt(const struct mount_service *service)
{
    char *const none[] = {NULL};
    int root = service->shares[0].root;
    tell("read", openat(root, "file", O_RDONLY));
    tell("above", openat(root, "../secret", O_RDONLY));
    tell("make", openat(root, "new", O_WRONLY | O_CREAT, 0600) < 0 ? -1 : 0);
    tell("rename", syscall(SYS_renameat2, root, "file", root, "moved", 0));
    tell("path", openat(AT_FDCWD, "/etc/passwd", O_RDONLY));
    tell("execute", execve("/bin/true", none, none));
    tell("fork", syscall(SYS_fork));
    tell("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    tell("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    tell("kill", kill(getppid(), 0));
    tell("ptrace", ptrace(PTRACE_ATTACH, getppid(), 0, 0));
    tell("ioctl", syscall(SYS_ioctl, 1, 0x5413, 0));
    tell("program", syscall(SYS_mmap, 0, 4096, PROT_EXEC | PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    tell("chown", fchownat(root, "file", 0, 0, 0));
    tell("mount", syscall(SYS_mount, "/", "/", "", 0, ""));
    tell("chroot", chroot("."));
}

int main(int argc, char **argv)
{
    long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct mount_service service = {.count = 1, .rights = mount_rights()};
    pid_t pid = -1;
    if (argc != 3)
        return 2;
    service.shares[0] = (struct mount_share){open(argv[1], O_PATH | O_DIRECTORY), strcmp(argv[2], "ro") == 0};
    for (int way = 0; pid < 0 && way < NAMESPACE_WAYS; way++)
        pid = namespaces_fork(way);
    if (pid > 0)
        return waitpid(pid, NULL, 0) == pid ? 0 : 1;
    if (mount_confine(&service))
        return 1;
    tell("landlock", landlock < 2 ? (errno = ENOSYS, -1) : 0);
    attempt(&service);
    _exit(0);
}
