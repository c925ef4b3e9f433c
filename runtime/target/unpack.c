/* --olos-unpack: the files of a package in a directory, which appears whole or not at all. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"

#define CHUNK ((size_t)1 << 20)

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    interrupted = number;
}

/* Until the directory has its name, these signals end the work in an orderly way. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = note_signal}, before;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

static int cannot_write(const char *name, struct olos_error *error)
{
    return olos_fail(error, OLOS_FAILED, "%s cannot be written: %s", name, strerror(errno));
}

static bool is_program(const char *name)
{
    static const char loader[] = "kernel/ld-linux";
    return strcmp(name, "kernel/linux") == 0 || strcmp(name, LAYOUT_TARGET) == 0 ||
           strncmp(name, loader, strlen(loader)) == 0;
}

/* Zeros become holes: the file has its size already. */
static int copy_content(const struct olos_file *file, int to, struct olos_error *error)
{
    uint8_t *buffer = allocate(CHUNK, 1);
    int failed = 0;
    for (uint64_t done = 0; done < file->size && !failed && !interrupted;) {
        size_t size = file->size - done < CHUNK ? (size_t)(file->size - done) : CHUNK;
        failed = file_pread(file, buffer, size, done, error);
        if (!failed && !is_zero(buffer, size) &&
            (lseek(to, (off_t)done, SEEK_SET) < 0 || write_full(to, buffer, size) < 0))
            failed = cannot_write(file->name, error);
        done += size;
    }
    free(buffer);
    return failed;
}

static int make_file(int folder, const struct olos_file *file, struct olos_error *error)
{
    int fd = openat(folder, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot_write(file->name, error);
    int failed = ftruncate(fd, (off_t)file->size) ? cannot_write(file->name, error)
                                                  : copy_content(file, fd, error);
    /* After the data, and in spite of the umask. */
    if (!failed && (fchmod(fd, is_program(file->name) ? 0755 : 0644) || fsync(fd)))
        failed = cannot_write(file->name, error);
    if (close(fd) && !failed)
        failed = cannot_write(file->name, error);
    return failed;
}

/* The directories of a name, which package_open has checked: no `..`, no leading slash. */
static int make_folders(int folder, const char *name, struct olos_error *error)
{
    char path[LAYOUT_MAX_NAME + 1];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%.*s", (int)(slash - name), name);
        if (mkdirat(folder, path, 0755) == 0) {
            if (fchmodat(folder, path, 0755, 0))
                return cannot_write(path, error);
        } else if (errno != EEXIST) {
            return cannot_write(path, error);
        }
    }
    return 0;
}

static int make_files(int folder, const struct olos_layout *layout, struct olos_error *error)
{
    for (size_t i = 0; i < layout->count && !interrupted; i++)
        if (make_folders(folder, layout->files[i].name, error) || make_file(folder, &layout->files[i], error))
            return -1;
    if (interrupted)
        return olos_fail(error, (enum olos_exit)(128 + interrupted), "interrupted; nothing was written");
    return fchmod(folder, 0755) || fsync(folder) ? cannot_write("the directory", error) : 0;
}

static void remove_files(int folder, const struct olos_layout *layout)
{
    for (size_t i = layout->count; i-- > 0;) {
        char path[LAYOUT_MAX_NAME + 1];
        snprintf(path, sizeof path, "%s", layout->files[i].name);
        unlinkat(folder, path, 0);
        for (char *slash; (slash = strrchr(path, '/'));) {
            *slash = 0;
            unlinkat(folder, path, AT_REMOVEDIR); /* the last file of a directory takes it along */
        }
    }
}

static int refuse(const char *path, struct olos_error *error)
{
    return olos_fail(error, OLOS_USAGE,
                     "%s: exists\n  hint: name a directory that does not exist yet, or an empty one", path);
}

/* Only a name that is free, or that of an empty directory, may be taken; rename makes sure of it again. */
static int check_free(const char *path, struct olos_error *error)
{
    struct stat status;
    DIR *folder = opendir(path);
    if (!folder && errno == ENOTDIR && lstat(path, &status) == 0)
        return refuse(path, error);
    if (!folder)
        return errno == ENOENT ? 0 : cannot_write(path, error);
    unsigned entries = 0;
    while (entries <= 2 && readdir(folder)) /* two are `.` and `..` */
        entries++;
    closedir(folder);
    return entries > 2 ? refuse(path, error) : 0;
}

static int fill(char *temporary, const struct olos_layout *layout, const char *path, struct olos_error *error)
{
    int folder = open(temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int failed = folder < 0 ? cannot_write(path, error) : make_files(folder, layout, error);
    if (!failed && rename(temporary, path)) {
        bool taken = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EBUSY;
        failed = taken ? refuse(path, error) : cannot_write(path, error);
    }
    if (failed && folder >= 0)
        remove_files(folder, layout);
    if (folder >= 0)
        close(folder);
    return failed;
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

int answer_unpack(const struct olos_layout *layout, const char *path, struct olos_error *error)
{
    if (check_free(path, error))
        return -1;
    char *copy = strdup(path), *other = strdup(path), *temporary = NULL;
    if (!copy || !other || asprintf(&temporary, "%s/.%.60s.XXXXXX", dirname(copy), basename(other)) < 0)
        die(OLOS_FAILED, "out of memory");
    catch_signals();
    int failed = mkdtemp(temporary) ? fill(temporary, layout, path, error) : cannot_write(path, error);
    if (failed)
        rmdir(temporary);
    else
        sync_folder(dirname(strcpy(copy, path)));
    free(copy);
    free(other);
    free(temporary);
    return failed;
}
