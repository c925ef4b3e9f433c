/* What an app has to wait for: `read FILE`, `touch MIB`. Prints the seconds; without arguments it does nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int read_all(const char *path)
{
    static char buffer[1 << 20];
    int file = open(path, O_RDONLY);
    ssize_t count;
    do
        count = read(file, buffer, sizeof buffer);
    while (count > 0);
    return count < 0;
}

static int touch(size_t size)
{
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t at = 0; at < size; at += 4096)
        ((volatile char *)memory)[at] = 1;
    return 0;
}

int main(int count, char **words)
{
    if (count < 3)
        return 0;
    double start = now();
    int failed = strcmp(words[1], "read") ? touch(strtoul(words[2], NULL, 10) << 20) : read_all(words[2]);
    printf("%.6f\n", now() - start);
    return failed;
}
