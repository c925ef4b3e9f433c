/* Files of the layout, checked while they are copied into memory, where nobody can change them. */
#pragma once

#include "../common/package.h"

/* Make a file in memory that may be executed and is inherited by the kernel. Returns it, or -1 with errno set. */
int memory_try_file(const char *name);

/* The same. Dies if there is none. */
int memory_file(const char *name);

/* Append bytes to a file in memory. Dies if there is no room. */
void memory_append(int fd, const void *data, size_t size);

/* Append a component to a file in memory, and compare size and SHA-256 with its record. Returns 0, or -1 with
   `error` filled in. */
int component_append(int fd, const struct olos_layout *layout, const struct olos_record *record,
                     struct olos_error *error);

/* The record of that path, or NULL. */
const struct olos_record *record_find(const struct olos_records *records, const char *path);
