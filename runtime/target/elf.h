/* The interpreter of an ELF64 program (System V ABI, PT_INTERP), in a file in memory. */
#pragma once

#include "../common/util.h"

#define ELF_INTERPRETER_ROOM 64

/* The path of the interpreter; empty for a program without. Returns 0, or -1 with `error` filled in. */
int elf_interpreter(int fd, char path[ELF_INTERPRETER_ROOM], struct olos_error *error);

/* Write another path in its place. Returns 0, or -1 with `error` filled in if it does not fit. */
int elf_set_interpreter(int fd, const char *path, struct olos_error *error);
