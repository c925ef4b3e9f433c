/* Certificates and keys as text (RFC 7468). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PEM_CERTIFICATE "CERTIFICATE"
#define PEM_PRIVATE_KEY "PRIVATE KEY"

/* Write a block, without a NUL behind it. Returns 0 with its size, or -ERANGE. */
int pem_write(const char *label, const uint8_t *data, size_t size, uint8_t *text, size_t room, size_t *written);

/* Whether bytes claim to be text with blocks. */
int pem_is_text(const uint8_t *data, size_t size);

/* Take the next certificate of a text out of it: it is decoded in place, and `*at` moves behind it. What stands
   between certificates is skipped. Returns 1 with `data` and `size`, 0 if there is none any more, -EBADMSG for a block
   that is damaged. */
int pem_next_certificate(uint8_t *text, size_t length, size_t *at, const uint8_t **data, size_t *size);
