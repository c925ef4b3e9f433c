#include "tee_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/random.h"

#define VARIABLE "OLOS_SIM_ROOT"
#define HINT "\n  hint: " VARIABLE " names another file (docs/attestation.md)"
#define FILE_LIMIT (8 << 10)
#define NOT_OTHERS 077

/* ---- where it is ---- */

/* XDG Base Directory Specification: a relative path counts as none. */
static int default_path(char path[PATH_MAX], struct olos_error *error)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool given = state && *state == '/';
    if (!given && !(home && *home == '/'))
        return olos_fail(error, OLOS_FAILED, "the key of the simulated TEE has no place: neither HOME nor XDG_STATE_HOME "
                         "is set" HINT);
    int length = snprintf(path, PATH_MAX, "%s%s/olos/simulated-root.pem", given ? state : home,
                          given ? "" : "/.local/state");
    if (length < PATH_MAX)
        return 0;
    return olos_fail(error, OLOS_FAILED, "the key of the simulated TEE has no place: its path is too long");
}

static int fail(const char *path, const char *what, struct olos_error *error)
{
    return olos_fail(error, OLOS_FAILED, "the key of the simulated TEE, %.300s: %s" HINT, path, what);
}

/* ---- reading ---- */

static const char *check_file(const struct stat *status)
{
    if (!S_ISREG(status->st_mode))
        return "is no regular file";
    if (status->st_uid != geteuid())
        return "belongs to another user";
    if (status->st_mode & NOT_OTHERS)
        return "is open to others; 'chmod 600' closes it";
    return status->st_size > FILE_LIMIT ? "is too large for a key" : NULL;
}

/* The public half is computed, whatever the file says. */
static const char *check_key(mbedtls_pk_context *key)
{
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA))
        return "is no key of the curve P-384";
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*key);
    if (pair->grp.id != MBEDTLS_ECP_DP_SECP384R1)
        return "is no key of the curve P-384";
    if (mbedtls_ecp_check_privkey(&pair->grp, &pair->d) ||
        mbedtls_ecp_mul(&pair->grp, &pair->Q, &pair->d, &pair->grp.G, fill_random, NULL))
        return "is a damaged key";
    return NULL;
}

static const char *parse(mbedtls_pk_context *key, int file)
{
    char text[FILE_LIMIT + 1];
    ssize_t size = read_full(file, text, FILE_LIMIT);
    if (size < 0)
        return strerror((int)-size);
    text[size] = 0; /* mbedtls counts it for PEM */
    bool is_text = strstr(text, "-----BEGIN ") != NULL;
    int failed = !is_text || mbedtls_pk_parse_key(key, (const uint8_t *)text, (size_t)size + 1, NULL, 0);
    mbedtls_platform_zeroize(text, sizeof text);
    return failed ? "is no private key in PEM, without a password" : check_key(key);
}

/* Returns 0, 1 if there is no such file, or -1 with `error` filled in. A pipe is opened without waiting. */
static int load(mbedtls_pk_context *key, const char *path, struct olos_error *error)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return errno == ENOENT ? 1 : fail(path, strerror(errno), error);
    const char *wrong = fstat(file, &status) ? strerror(errno) : check_file(&status);
    if (!wrong)
        wrong = parse(key, file);
    close(file);
    return wrong ? fail(path, wrong, error) : 0;
}

/* ---- making ---- */

/* All directories above the file that are missing. */
static int make_directories(const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int generate(char *text, size_t room)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int failed = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
                 mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP384R1, mbedtls_pk_ec(key), fill_random, NULL) ||
                 mbedtls_pk_write_key_pem(&key, (uint8_t *)text, room);
    mbedtls_pk_free(&key);
    errno = EIO;
    return failed ? -1 : 0;
}

static int write_new(const char *path)
{
    char text[1024];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return -1;
    int failed = fchmod(file, 0600) || generate(text, sizeof text);
    if (!failed && write_full(file, text, strlen(text)) < 0)
        failed = -1;
    failed = failed || fsync(file);
    mbedtls_platform_zeroize(text, sizeof text);
    close(file);
    return failed ? -1 : 0;
}

/* Of two that do this at once, one has made the file, and both use it. */
static int make(const char *path, struct olos_error *error)
{
    char temporary[PATH_MAX];
    uint8_t random[8];
    fill_random(NULL, random, sizeof random);
    int length = snprintf(temporary, sizeof temporary, "%s.%016llx", path, (unsigned long long)le64(random));
    if (length >= PATH_MAX)
        return fail(path, strerror(ENAMETOOLONG), error);
    int failed = make_directories(path) || write_new(temporary) || (link(temporary, path) && errno != EEXIST);
    int reason = errno;
    unlink(temporary);
    return failed ? fail(path, strerror(reason), error) : 0;
}

int tee_root_load(mbedtls_pk_context *key, struct olos_error *error)
{
    char path[PATH_MAX];
    const char *given = getenv(VARIABLE);
    mbedtls_pk_init(key);
    if (!given && default_path(path, error))
        return -1;
    int code = load(key, given ? given : path, error);
    if (code == 1 && !given)
        code = make(path, error) ? -1 : load(key, path, error);
    return code == 1 ? fail(given ? given : path, strerror(ENOENT), error) : code;
}
