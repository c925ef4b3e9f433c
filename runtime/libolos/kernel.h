/* System calls without a C library: the result, or a negative errno. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A call of <olos/tee.h>, again if a signal came before it began. */
int tee_call(long number, void *arguments, size_t size);

/* Random bytes of the kernel, at most 256. Returns 0 or a negative errno. */
int random_bytes(void *buffer, size_t size);
