#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

void terminal_find(struct terminal *terminal)
{
    terminal->used = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
                     tcgetattr(STDIN_FILENO, &terminal->saved) == 0;
    if (terminal->used && (terminal->device = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) < 0)
        terminal->used = false;
}

void terminal_make_raw(const struct terminal *terminal)
{
    struct termios raw = terminal->saved;
    cfmakeraw(&raw);
    if (terminal->used)
        tcsetattr(terminal->device, TCSADRAIN, &raw);
}

void terminal_restore(const struct terminal *terminal)
{
    if (terminal->used)
        tcsetattr(terminal->device, TCSADRAIN, &terminal->saved);
}

void terminal_size(uint16_t *columns, uint16_t *rows)
{
    struct winsize size = {0};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *columns = size.ws_col;
    *rows = size.ws_row;
}
