/* The few functions of a C library that libolos and its parts of mbedtls call. They are its own, so that it can be linked
   with any C library, or with none. */
#pragma once

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* Zeros that the compiler must not leave out. */
void mbedtls_platform_zeroize(void *buffer, size_t size);
