#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct text *text, size_t more)
{
    if (text->capacity - text->size > more)
        return;
    text->capacity = 2 * text->capacity + more + 1;
    text->data = realloc(text->data, text->capacity);
    if (!text->data)
        die(OLOS_FAILED, "out of memory");
}

void text_append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        die(OLOS_FAILED, "a text cannot be formatted");
    reserve(text, (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->data + text->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)length;
}

/* RFC 8785 section 3.2.2.2. */
static void append_character(struct text *text, char c)
{
    static const char short_from[] = "\b\t\n\f\r\"\\", short_to[] = "btnfr\"\\";
    const char *found = strchr(short_from, c);
    if (found)
        text_append(text, "\\%c", short_to[found - short_from]);
    else if ((unsigned char)c < ' ')
        text_append(text, "\\u%04x", (unsigned)c);
    else {
        reserve(text, 1);
        text->data[text->size++] = c;
    }
}

/* The length of the well-formed UTF-8 sequence at `s` (Unicode table 3-7), or 0. */
static size_t sequence_length(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t length;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (s[1] < forms[i].low || s[1] > forms[i].high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static bool is_utf8(const char *string)
{
    while (*string) {
        size_t length = sequence_length((const unsigned char *)string);
        if (!length)
            return false;
        string += length;
    }
    return true;
}

int text_append_list(struct text *text, const struct olos_texts *list, const char *what,
                     struct olos_error *error)
{
    text_append(text, "[");
    for (size_t i = 0; i < list->count; i++) {
        if (!is_utf8(list->items[i]))
            return olos_fail(error, OLOS_USAGE, "%s %zu is not UTF-8", what, i + 1);
        text_append(text, i ? ",\"" : "\"");
        for (const char *c = list->items[i]; *c; c++)
            append_character(text, *c);
        text_append(text, "\"");
    }
    text_append(text, "]");
    return 0;
}
