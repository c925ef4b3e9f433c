/* The system calls of Linux on x86-64 by number (linux/arch/x86/entry/syscalls/syscall_64.tbl), up to Linux 6.1:
   their names, arguments and the classes that strace(1) has for filters. */
#pragma once

#include "util.h"

/* A name in a filter of --olos-trace. */
#define SYSCALL_ROOM 24

struct syscall_entry {
    char name[SYSCALL_ROOM];
    /* One letter for each argument: d int, l long, x hexadecimal, o mode, f directory, s string, v list of strings,
       w bytes given and r bytes taken, whose number is the next argument and the result. */
    char arguments[8];
    /* One letter for each class of syscall_classes. */
    char classes[8];
};

/* Returns false if there is none of this number; then the entry says so. */
bool syscall_find(uint64_t number, struct syscall_entry *entry);

/* One past the greatest number. */
size_t syscall_count(void);

/* The letter of a class such as "file", or 0. */
char syscall_class(const char *name);
