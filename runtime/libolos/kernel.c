#include "kernel.h"

#include <asm/unistd.h>
#include <errno.h>

static long call(long number, void *first, size_t second, unsigned long third)
{
    long result;
    register unsigned long fourth __asm__("r10") = 0;
    register unsigned long fifth __asm__("r8") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(first), "S"(second), "d"(third), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return result;
}

int tee_call(long number, void *arguments, size_t size)
{
    long result;
    do
        result = call(number, arguments, size, 0);
    while (result == -EINTR);
    return (int)result;
}

int random_bytes(void *buffer, size_t size)
{
    long result;
    do
        result = call(__NR_getrandom, buffer, size, 0);
    while (result == -EINTR);
    if (result < 0)
        return (int)result;
    return (size_t)result == size ? 0 : -EIO;
}
