/* Random bytes of the kernel (getrandom(2)), in the form that mbedtls asks for. */
#pragma once

#include <stddef.h>

/* Fill a buffer. Always returns 0: dies if there are none. */
int fill_random(void *unused, unsigned char *buffer, size_t size);
