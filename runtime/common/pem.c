#include "pem.h"

#include <ctype.h>
#include <errno.h>
#include <mbedtls/base64.h>
#include <stdio.h>
#include <string.h>

#define BEGIN "-----BEGIN "
#define BEGIN_CERTIFICATE BEGIN PEM_CERTIFICATE "-----"
#define END_CERTIFICATE "-----END " PEM_CERTIFICATE "-----"
#define LINE_BYTES 48 /* 64 characters */
#define LINE_ROOM 66

int pem_write(const char *label, const uint8_t *data, size_t size, uint8_t *text, size_t room, size_t *written)
{
    char edge[64];
    size_t at = (size_t)snprintf(edge, sizeof edge, "-----BEGIN %s-----\n", label), length;
    size_t need = 2 * at + (size + LINE_BYTES - 1) / LINE_BYTES * LINE_ROOM;
    if (room < need)
        return -ERANGE;
    memcpy(text, edge, at);
    for (; size; data += length, size -= length) {
        size_t characters;
        length = size < LINE_BYTES ? size : LINE_BYTES;
        if (mbedtls_base64_encode(text + at, room - at, &characters, data, length))
            return -ERANGE;
        at += characters;
        text[at++] = '\n';
    }
    length = (size_t)snprintf(edge, sizeof edge, "-----END %s-----\n", label);
    memcpy(text + at, edge, length);
    *written = at + length;
    return 0;
}

int pem_is_text(const uint8_t *data, size_t size)
{
    return memmem(data, size, BEGIN, strlen(BEGIN)) != NULL;
}

static size_t without_blanks(uint8_t *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++)
        if (!isspace(text[i]))
            text[kept++] = text[i];
    return kept;
}

int pem_next_certificate(uint8_t *text, size_t length, size_t *at, const uint8_t **data, size_t *size)
{
    uint8_t *begin = memmem(text + *at, length - *at, BEGIN_CERTIFICATE, strlen(BEGIN_CERTIFICATE));
    if (!begin)
        return 0;
    uint8_t *block = begin + strlen(BEGIN_CERTIFICATE);
    size_t left = length - (size_t)(block - text);
    uint8_t *end = memmem(block, left, END_CERTIFICATE, strlen(END_CERTIFICATE));
    if (!end)
        return -EBADMSG;
    *at = (size_t)(end - text) + strlen(END_CERTIFICATE);
    size_t characters = without_blanks(block, (size_t)(end - block));
    if (!characters || mbedtls_base64_decode(block, characters, size, block, characters))
        return -EBADMSG;
    *data = block;
    return 1;
}
