/* Where the kernel gets the app's memory from: files in memory that the target hands it, or, where the host
   cannot hand over files, files without a name in a directory. */
#pragma once

#include "../common/util.h"

#define MEMORY_DIRECTORY_ROOM 512

/* Find the first of /dev/shm, $TMPDIR and /tmp that has room for `size` bytes and whose files may be mapped as
   programs. Returns whether there is one. */
bool memory_find_directory(char directory[MEMORY_DIRECTORY_ROOM], uint64_t size);

/* Say that there is no place at all for `size` bytes. Always returns -1. */
int memory_fail(uint64_t size, struct olos_error *error);
