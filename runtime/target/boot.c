#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/policy.h"
#include "../common/verity.h"
#include "component.h"
#include "cpio.h"
#include "elf.h"

#define KERNEL "kernel/linux"
#define MODULES "kernel/modules.cpio"
#define FUSE "kernel/fuse.cpio"

static int load_interpreter(struct boot *boot, const char *name, const struct olos_layout *layout,
                            const struct olos_records *records, struct olos_error *error)
{
    char path[sizeof "kernel/" + ELF_INTERPRETER_ROOM], place[ELF_INTERPRETER_ROOM];
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    snprintf(path, sizeof path, "kernel/%s", base);
    const struct olos_record *record = record_find(records, path);
    if (!record)
        return olos_fail(error, OLOS_INPUT, KERNEL ": its interpreter %.60s is not in the manifest", name);
    boot->interpreter = memory_file("interpreter");
    snprintf(place, sizeof place, "/proc/self/fd/%d", boot->interpreter);
    if (component_append(boot->interpreter, layout, record, error))
        return -1;
    return elf_set_interpreter(boot->kernel, place, error);
}

/* What is neither the kernel, nor its interpreter, nor modules is a library that it needs. */
static bool is_library(const struct olos_record *record, const char *interpreter)
{
    const char *base = strrchr(record->path, '/') + 1, *slash = strrchr(interpreter, '/');
    return strcmp(record->path, KERNEL) != 0 && strcmp(record->path, MODULES) != 0 &&
           strcmp(record->path, FUSE) != 0 &&
           strcmp(base, slash ? slash + 1 : interpreter) != 0;
}

static int load_libraries(struct boot *boot, const char *interpreter, const struct olos_layout *layout,
                          const struct olos_records *records, struct olos_error *error)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct olos_record *record = &records->items[i];
        if (strncmp(record->path, "kernel/", strlen("kernel/")) != 0)
            return olos_fail(error, OLOS_INPUT, "%s: a file of the kernel must be in kernel/", record->path);
        if (!is_library(record, interpreter))
            continue;
        if (boot->library_count == BOOT_MAX_LIBRARIES)
            return olos_fail(error, OLOS_INPUT, "kernel: more than %d libraries", BOOT_MAX_LIBRARIES);
        int fd = boot->libraries[boot->library_count++] = memory_file("library");
        if (component_append(fd, layout, record, error))
            return -1;
    }
    return 0;
}

static int load_kernel(struct boot *boot, const struct olos_layout *layout, const struct olos_records *records,
                       struct olos_error *error)
{
    char interpreter[ELF_INTERPRETER_ROOM];
    const struct olos_record *record = record_find(records, KERNEL);
    if (!record)
        return olos_fail(error, OLOS_INPUT, "the manifest names no " KERNEL);
    boot->kernel = memory_file("kernel");
    boot->interpreter = -1;
    if (component_append(boot->kernel, layout, record, error) ||
        elf_interpreter(boot->kernel, interpreter, error) ||
        (*interpreter && load_interpreter(boot, interpreter, layout, records, error)))
        return -1;
    return load_libraries(boot, interpreter, layout, records, error);
}

/* docs/formats.md section 3: modules, crt, then what only this start knows. */
static int make_initrd(struct boot *boot, const struct olos_layout *layout,
                       const struct olos_loaded_manifest *loaded, const struct text *run,
                       struct olos_error *error)
{
    const struct olos_record *modules = record_find(&loaded->manifest.kernel, MODULES);
    const struct olos_record *fuse = record_find(&loaded->manifest.kernel, FUSE);
    const struct olos_records *crt = &loaded->manifest.crt;
    struct cpio cpio = {.fd = boot->initrd = memory_file("initrd")};
    if (modules && component_append(boot->initrd, layout, modules, error))
        return -1;
    if (fuse && policy_has_host_mounts(&loaded->manifest.policy) &&
        component_append(boot->initrd, layout, fuse, error))
        return -1;
    for (size_t i = 0; i < crt->count; i++)
        if (component_append(boot->initrd, layout, &crt->items[i], error))
            return -1;
    cpio_directory(&cpio, "olos");
    cpio_file(&cpio, "olos/olos.json", loaded->data, loaded->size);
    cpio_file(&cpio, "olos/run.json", run->data, run->size);
    cpio_end(&cpio);
    return 0;
}

const struct olos_file *boot_check_rootfs(const struct olos_layout *layout, const struct olos_rootfs *rootfs,
                                          struct olos_error *error)
{
    const struct olos_file *file = layout_file(layout, rootfs->path, error);
    struct verity_layout places;
    uint8_t root[32];
    if (!file || verity_layout(&places, rootfs->image_size, error) || verity_head(file, &places, root, error))
        return NULL;
    if (memcmp(root, rootfs->verity_root, sizeof root) == 0)
        return file;
    olos_mismatch_sha256(error, rootfs->verity_root, root, "%s: verity root", rootfs->path);
    return NULL;
}

int boot_load(struct boot *boot, const struct olos_layout *layout, const struct olos_loaded_manifest *loaded,
              const struct text *run, struct olos_error *error)
{
    const struct olos_file *rootfs = layout_file(layout, loaded->manifest.rootfs.path, error);
    *boot = (struct boot){0};
    if (!rootfs || load_kernel(boot, layout, &loaded->manifest.kernel, error))
        return -1;
    boot->rootfs = fcntl(rootfs->fd, F_DUPFD, 3);
    if (boot->rootfs < 0)
        return olos_fail(error, OLOS_FAILED, "the root file system cannot be handed on: %s", strerror(errno));
    return make_initrd(boot, layout, loaded, run, error);
}
