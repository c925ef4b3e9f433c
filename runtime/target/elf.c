#include "elf.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

static int read_header(int fd, Elf64_Ehdr *header, struct olos_error *error)
{
    if (pread_full(fd, header, sizeof *header, 0) != sizeof *header ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
        header->e_phentsize != sizeof(Elf64_Phdr))
        return olos_fail(error, OLOS_INPUT, "kernel/linux: not an ELF program for x86-64");
    return 0;
}

/* 1 if there is one, 0 if there is none, -1 with `error` filled in. */
static int find(int fd, Elf64_Phdr *found, struct olos_error *error)
{
    Elf64_Ehdr header;
    if (read_header(fd, &header, error))
        return -1;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (pread_full(fd, found, sizeof *found, header.e_phoff + i * sizeof *found) != sizeof *found)
            return olos_fail(error, OLOS_INPUT, "kernel/linux: truncated");
        if (found->p_type == PT_INTERP)
            return 1;
    }
    return 0;
}

int elf_interpreter(int fd, char path[ELF_INTERPRETER_ROOM], struct olos_error *error)
{
    Elf64_Phdr segment;
    int result = find(fd, &segment, error);
    memset(path, 0, ELF_INTERPRETER_ROOM);
    if (result != 1)
        return result;
    if (segment.p_filesz == 0 || segment.p_filesz > ELF_INTERPRETER_ROOM ||
        pread_full(fd, path, segment.p_filesz, segment.p_offset) != (ssize_t)segment.p_filesz ||
        path[segment.p_filesz - 1] != '\0' || !*path)
        return olos_fail(error, OLOS_INPUT, "kernel/linux: the name of its interpreter is damaged or too long");
    return 0;
}

int elf_set_interpreter(int fd, const char *path, struct olos_error *error)
{
    char room[ELF_INTERPRETER_ROOM] = {0};
    Elf64_Phdr segment;
    if (find(fd, &segment, error) != 1)
        return -1;
    if (strlen(path) >= segment.p_filesz || segment.p_filesz > sizeof room)
        return olos_fail(error, OLOS_INPUT, "kernel/linux: no room for %s as its interpreter", path);
    memcpy(room, path, strlen(path));
    if (pwrite(fd, room, segment.p_filesz, (off_t)segment.p_offset) != (ssize_t)segment.p_filesz)
        return olos_fail(error, OLOS_FAILED, "kernel/linux: its copy in memory cannot be written");
    return 0;
}
