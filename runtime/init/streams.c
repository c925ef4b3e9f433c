#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app.h"

static int pipe_open(int *reader, int *writer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

/* Init must never wait for a stream: its ends do not block. */
static int make_nonblocking(const struct streams *streams)
{
    for (int i = 0; i < 3; i++)
        if (streams->init[i] >= 0 && fcntl(streams->init[i], F_SETFL, O_NONBLOCK))
            return -1;
    return 0;
}

static int open_pipes(const struct olos_app *app, struct streams *s)
{
    for (int i = 0; i < 3; i++) {
        int *reader = i == 0 ? &s->app[i] : &s->init[i], *writer = i == 0 ? &s->init[i] : &s->app[i];
        /* /dev/stdout of the app is this pipe: its user may open it again. */
        if (pipe_open(reader, writer) || fchown(s->app[i], app->uid, app->gid))
            return -1;
    }
    return 0;
}

static int open_terminal(const struct run *run, const struct olos_app *app, struct streams *s)
{
    char name[32];
    struct winsize size = {.ws_row = run->rows, .ws_col = run->columns};
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || unlockpt(master) || ptsname_r(master, name, sizeof name) ||
        ioctl(master, TIOCSWINSZ, &size))
        return -1;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || fchown(slave, app->uid, (gid_t)-1))
        return -1;
    *s = (struct streams){.app = {slave, slave, slave}, .init = {master, master, -1}};
    return run->tty_stderr ? 0 : pipe_open(&s->init[2], &s->app[2]);
}

int streams_open(const struct run *run, const struct olos_app *app, struct streams *streams,
                 struct olos_error *error)
{
    if ((run->tty ? open_terminal(run, app, streams) : open_pipes(app, streams)) || make_nonblocking(streams))
        return olos_fail(error, OLOS_FAILED, "init: no streams for the app: %s", strerror(errno));
    return 0;
}
