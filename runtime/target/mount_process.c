#include "mount_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount_confine.h"
#include "namespaces.h"

/* The caller's identity is the server's: rights on the host are decided by the host. */
static struct mount_service make_service(const struct mount_sources *sources, const struct olos_app *app,
                                         const struct lines *lines)
{
    struct mount_service service = {
        .count = sources->count,
        .owners = {geteuid(), getegid(), app->uid, app->gid},
        .requests = lines->mount_requests,
        .notices = lines->mount_notices,
        .slots = lines->mount_slots,
        .rights = mount_rights(),
    };
    for (size_t i = 0; i < sources->count; i++)
        service.shares[i] = (struct mount_share){sources->items[i].directory, sources->items[i].read_only};
    return service;
}

static bool is_kept(const struct mount_service *service, int fd)
{
    bool kept = fd == service->requests || fd == service->notices;
    for (size_t i = 0; i < service->count; i++)
        kept = kept || fd == service->shares[i].root;
    return kept;
}

/* The kernel's ends of the lines above all: while one is open here, the line does not end. */
static int close_others(const struct mount_service *service, int life)
{
    DIR *open_files = opendir("/proc/self/fd");
    if (!open_files)
        return -1;
    for (struct dirent *entry; (entry = readdir(open_files));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(open_files) && fd != life && !is_kept(service, fd))
            close(fd);
    }
    closedir(open_files);
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (open("/dev/null", O_RDWR) != fd)
            return -1;
    return 0;
}

static int leave_target(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "olos-mounts");
    setsid(); /* signals of the terminal are the target's business */
    umask(0); /* the guest's kernel has applied the app's */
    /* If the target has ended already, the line has no other end any more. */
    return chdir("/") ? -1 : prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int prepare(struct mount_service *service, int life)
{
    if (leave_target() || close_others(service, life))
        return -1;
    service->self = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (service->self < 0)
        return -1;
    mount_nodes_prepare();
    for (size_t i = 0; i < service->count; i++)
        if (mount_nodes_add_root(service->shares[i].root))
            return -1;
    return mount_confine(service);
}

static _Noreturn void run(struct mount_service *service, int life)
{
    char ready = 0;
    if (prepare(service, life))
        _exit(OLOS_FAILED);
    (void)!write(life, &ready, 1);
    _exit(mount_serve(service) ? OLOS_FAILED : OLOS_OK);
}

/* Where the host has namespaces, the server sees no other process, and can leave the caller's root. */
static pid_t fork_server(void)
{
    pid_t pid = -1;
    for (int way = 0; pid < 0 && way < NAMESPACE_WAYS; way++)
        pid = namespaces_fork(way);
    return pid;
}

int mount_process_start(struct mount_process *process, const struct mount_sources *sources,
                        const struct olos_app *app, struct lines *lines, struct olos_error *error)
{
    int life[2];
    char ready;
    *process = (struct mount_process){.life = -1};
    if (!sources->count)
        return 0;
    struct mount_service service = make_service(sources, app, lines);
    if (pipe2(life, O_CLOEXEC))
        return olos_fail(error, OLOS_FAILED, "no pipe: %s", strerror(errno));
    process->pid = fork_server();
    if (process->pid < 0)
        return olos_fail(error, OLOS_FAILED, "cannot fork: %s", strerror(errno));
    if (process->pid == 0)
        run(&service, life[1]);
    close(life[1]);
    process->life = life[0];
    lines_close_mounts(lines);
    for (size_t i = 0; i < sources->count; i++)
        close(sources->items[i].directory);
    if (read_full(life[0], &ready, 1) == 1)
        return 0;
    mount_process_end(process);
    return olos_fail(error, OLOS_FAILED, "the server of the host mounts cannot be started");
}

void mount_process_end(struct mount_process *process)
{
    if (process->pid <= 0)
        return;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    close(process->life);
    process->pid = 0;
    process->life = -1;
}
