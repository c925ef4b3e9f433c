/* Counts its starts in a file that nobody else can read or change: counter FILE */
#include <errno.h>
#include <olos/olos.h>
#include <stdio.h>
#include <string.h>

#define NAME "sealed-counter 1"

static int load(const char *path, uint32_t *count)
{
    uint8_t sealed[sizeof *count + OLOS_SEAL_OVERHEAD + 1];
    size_t size = sizeof *count;
    FILE *file = fopen(path, "rb");
    if (!file)
        return errno == ENOENT ? 0 : -errno;
    size_t found = fread(sealed, 1, sizeof sealed, file);
    fclose(file);
    int error = olos_unseal(sealed, found, (const uint8_t *)NAME, strlen(NAME), (uint8_t *)count, &size);
    return error ? error : size == sizeof *count ? 0 : -EBADMSG;
}

static int save(const char *path, uint32_t count)
{
    uint8_t sealed[sizeof count + OLOS_SEAL_OVERHEAD];
    size_t size = sizeof sealed;
    int error = olos_seal(OLOS_KEY_OF_MEASUREMENT, (const uint8_t *)&count, sizeof count, (const uint8_t *)NAME,
                          strlen(NAME), sealed, &size);
    if (error)
        return error;
    FILE *file = fopen(path, "wb");
    if (!file)
        return -errno;
    size_t written = fwrite(sealed, 1, size, file);
    return fclose(file) || written != size ? -EIO : 0;
}

int main(int argc, char **argv)
{
    uint32_t count = 0;
    if (argc != 2)
        return 2;
    int error = load(argv[1], &count);
    if (!error)
        error = save(argv[1], ++count);
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(-error));
        return 1;
    }
    printf("Start number %u\n", count);
    return 0;
}
