/* What Debian's static mbedtls, compiled against glibc with _FORTIFY_SOURCE=2, asks of the C library and musl does
   not have. The sizes of the objects are checked as there. */

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memset_chk(void *to, int byte, size_t size, size_t room);
int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
int __printf_chk(int flag, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
    if (size > room)
        abort();
    return memcpy(to, from, size);
}

void *__memset_chk(void *to, int byte, size_t size, size_t room)
{
    if (size > room)
        abort();
    return memset(to, byte, size);
}

int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list arguments;
    (void)flag;
    if (size > room)
        abort();
    va_start(arguments, format);
    int count = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    return count;
}

/* Of the self tests only, which nobody calls: standard output is the app's. */
int __printf_chk(int flag, const char *format, ...)
{
    (void)flag;
    (void)format;
    return 0;
}
