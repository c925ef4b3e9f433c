#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_NAME "olos"

/* The first is for root, the second for everybody where the host allows it. */
static const int ways[NAMESPACE_WAYS] = {CLONE_NEWPID, CLONE_NEWPID | CLONE_NEWUSER, 0};

static int put(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : write(file, text, strlen(text));
    if (file >= 0)
        close(file);
    return count < 0 ? -1 : 0;
}

/* user_namespaces(7): each id of the new namespace must be given one of the old. */
static int keep_ids(unsigned uid, unsigned gid)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "%u %u 1", uid, uid);
    snprintf(groups, sizeof groups, "%u %u 1", gid, gid);
    return put("/proc/self/uid_map", users) || put("/proc/self/setgroups", "deny") ||
                   put("/proc/self/gid_map", groups)
               ? -1
               : 0;
}

int namespaces_apart(int way)
{
    return ways[way] != 0;
}

void namespaces_leave(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) == 0)
        (void)!sethostname(HOST_NAME, strlen(HOST_NAME));
}

pid_t namespaces_fork(int way)
{
    unsigned uid = geteuid(), gid = getegid();
    int ready[2];
    char byte;
    if (pipe2(ready, O_CLOEXEC))
        return -1;
    pid_t child = (pid_t)syscall(SYS_clone, ways[way] | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        close(ready[0]);
        if (ways[way] & CLONE_NEWUSER && keep_ids(uid, gid))
            _exit(1);
        (void)!write(ready[1], "", 1);
        close(ready[1]);
        return 0;
    }
    close(ready[1]);
    if (child > 0 && read(ready[0], &byte, 1) != 1) {
        waitpid(child, NULL, 0);
        child = -1;
        errno = EPERM;
    }
    close(ready[0]);
    return child;
}
