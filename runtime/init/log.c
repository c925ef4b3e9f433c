#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/klog.h>

#include "control.h"

#define CONSOLE_LEVEL 8 /* syslog(2): the kernel's console prints every message */
#define SET_CONSOLE_LEVEL 8

static struct {
    int line;
    enum olos_log_level level;
} log_state;

void log_open(int line, enum olos_log_level level)
{
    log_state.line = line;
    log_state.level = level;
    if (level == OLOS_LOG_DEBUG)
        klogctl(SET_CONSOLE_LEVEL, NULL, CONSOLE_LEVEL);
}

static void say(enum olos_log_level level, const char *format, va_list arguments)
{
    char text[CONTROL_MESSAGE];
    if (level > log_state.level)
        return;
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0)
        return;
    size_t size = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    control_send(log_state.line, (struct control_frame){.kind = CONTROL_LOG, .c = (uint32_t)size});
    if (write_full(log_state.line, text, size) != (ssize_t)size)
        die(OLOS_FAILED, "init: the control line has failed");
}

void log_info(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OLOS_LOG_INFO, format, arguments);
    va_end(arguments);
}

void log_debug(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OLOS_LOG_DEBUG, format, arguments);
    va_end(arguments);
}
