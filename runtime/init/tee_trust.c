#include "tee_trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/certificate.h"
#include "../common/pem.h"
#include "tee_call.h"

static struct {
    size_t count;
    bool has_own;
    struct evidence_certificate items[TRUST_MAX + 1]; /* the last may be the TEE's own */
    uint8_t own[TEE_MAX_ANSWER];
} state;

static bool is_certificate(const struct evidence_certificate *item)
{
    struct certificate certificate;
    int code = certificate_parse(&certificate, item->data, item->size);
    certificate_free(&certificate);
    return code == 0;
}

int tee_trust_read(uint8_t *data, size_t size, struct evidence_certificate items[TRUST_MAX])
{
    size_t at = 0;
    int count = 0, got;
    struct evidence_certificate item = {data, size};
    if (!pem_is_text(data, size)) {
        items[0] = item;
        return is_certificate(&item) ? 1 : -EBADMSG;
    }
    while ((got = pem_next_certificate(data, size, &at, &item.data, &item.size)) > 0) {
        if (count == TRUST_MAX || !is_certificate(&item))
            return -EBADMSG;
        items[count++] = item;
    }
    return got || !count ? -EBADMSG : count;
}

static int load_file(int directory, const char *name, struct olos_error *error)
{
    struct evidence_certificate items[TRUST_MAX];
    struct stat status;
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) || !S_ISREG(status.st_mode) || status.st_size > OLOS_MAX_DATA)
        return olos_fail(error, OLOS_INPUT, TRUST_DIRECTORY "/%.80s: is no file of at most %d bytes", name, OLOS_MAX_DATA);
    size_t size = (size_t)status.st_size;
    uint8_t *data = allocate(size + 1, 1); /* stays as long as init */
    int count = read_full(file, data, size) == status.st_size ? tee_trust_read(data, size, items) : -EBADMSG;
    close(file);
    if (count < 0)
        return olos_fail(error, OLOS_INPUT, TRUST_DIRECTORY "/%.80s: is no PEM file of certificates", name);
    if (state.count + (size_t)count > TRUST_MAX)
        return olos_fail(error, OLOS_INPUT, TRUST_DIRECTORY ": has more than %d certificates", TRUST_MAX);
    memcpy(&state.items[state.count], items, (size_t)count * sizeof *items);
    state.count += (size_t)count;
    return 0;
}

static bool is_wanted(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".pem") == 0;
}

int tee_trust_load(struct olos_error *error)
{
    DIR *directory = opendir(TRUST_DIRECTORY);
    int code = 0;
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : olos_fail(error, OLOS_INPUT, TRUST_DIRECTORY ": cannot be read: %s", strerror(errno));
    for (struct dirent *entry; !code && (entry = readdir(directory));)
        if (is_wanted(entry->d_name))
            code = load_file(dirfd(directory), entry->d_name, error);
    closedir(directory);
    return code;
}

int tee_trust_usual(struct evidence_roots *roots)
{
    struct evidence_certificate *own = &state.items[state.count];
    int code = 0;
    if (!state.has_own) {
        code = tee_call(TEE_ROOT, NULL, 0, state.own, sizeof state.own, &own->size);
        own->data = state.own;
        state.has_own = code == 0;
    }
    *roots = (struct evidence_roots){state.count + state.has_own, state.items};
    return roots->count ? 0 : code;
}
