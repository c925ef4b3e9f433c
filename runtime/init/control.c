#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define TTY_MAJOR 4
#define FIRST_SERIAL_MINOR 64
#define PATIENCE_SECONDS 10

int line_open(unsigned number, int flags, struct olos_error *error)
{
    char path[32];
    snprintf(path, sizeof path, "/dev/ttyS%u", number);
    if (mknod(path, S_IFCHR | 0600, makedev(TTY_MAJOR, FIRST_SERIAL_MINOR + number)) && errno != EEXIST)
        return olos_fail(error, OLOS_FAILED, "init: %s: cannot be made: %s", path, strerror(errno));
    int line = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | flags);
    struct termios settings;
    if (line < 0 || tcgetattr(line, &settings))
        return olos_fail(error, OLOS_FAILED, "init: %s: cannot be opened: %s", path, strerror(errno));
    cfmakeraw(&settings);
    if (tcsetattr(line, TCSANOW, &settings))
        return olos_fail(error, OLOS_FAILED, "init: %s: cannot be made raw: %s", path, strerror(errno));
    return line;
}

int control_open(struct olos_error *error)
{
    int line = line_open(CONTROL_LINE, 0, error);
    if (line >= 0)
        control_send(line, (struct control_frame){.kind = CONTROL_HELLO});
    return line;
}

void control_send(int line, struct control_frame frame)
{
    if (write_full(line, &frame, sizeof frame) != sizeof frame)
        die(OLOS_FAILED, "init: the control line has failed");
}

int control_receive(int line, struct control_frame *frame)
{
    static unsigned char pending[sizeof *frame];
    static size_t have;
    ssize_t count = read(line, pending + have, sizeof pending - have);
    if (count <= 0)
        return count < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
    have += (size_t)count;
    if (have < sizeof pending)
        return 0;
    memcpy(frame, pending, sizeof pending);
    have = 0;
    return 1;
}

void control_await_go(int line)
{
    struct control_frame frame;
    int got;
    control_send(line, (struct control_frame){.kind = CONTROL_READY});
    while ((got = control_receive(line, &frame)) == 0)
        ;
    if (got < 0 || frame.kind != CONTROL_GO)
        die(OLOS_FAILED, "init: the target does not answer");
    control_send(line, (struct control_frame){.kind = CONTROL_DONE});
}

_Noreturn void control_fail(int line, const struct olos_error *error)
{
    size_t length = strnlen(error->text, CONTROL_MESSAGE);
    control_send(line, (struct control_frame){
                           .kind = CONTROL_FAILED, .a = (uint8_t)error->code, .c = (uint32_t)length});
    write_full(line, error->text, length);
    control_halt();
}

_Noreturn void control_halt(void)
{
    sleep(PATIENCE_SECONDS);
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
