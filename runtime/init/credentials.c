#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/attested.h"
#include "../common/pem.h"
#include "tee_report.h"

/* Apps of all kinds know this one. */
#define CURVE OLOS_CURVE_P256

static int put(const char *directory, const char *name, mode_t mode, const struct olos_app *owner, const void *data,
               size_t size, struct olos_error *error)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file < 0 || write_full(file, data, size) < 0 || (owner && fchown(file, owner->uid, owner->gid)))
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be written: %s", path, strerror(errno));
    close(file);
    return 0;
}

static int put_text(const char *directory, const char *name, mode_t mode, const struct olos_app *owner,
                    const char *label, const void *data, size_t size, struct olos_error *error)
{
    static uint8_t text[OLOS_CERTIFICATE_ROOM];
    size_t length;
    if (pem_write(label, data, size, text, sizeof text, &length))
        return olos_fail(error, OLOS_FAILED, "init: %s/%s is too large", directory, name);
    int code = put(directory, name, mode, owner, text, length, error);
    explicit_bzero(text, sizeof text);
    return code;
}

int credentials_write(const char *directory, const struct olos_app *app, struct olos_error *error)
{
    static struct attested made;
    int code = attested_generate(&made, CURVE, app->hostname, time(NULL), tee_report);
    if (code)
        return olos_fail(error, OLOS_FAILED, "policy.credentials: none can be made: %s", strerror(-code));
    code = put_text(directory, "cert.pem", 0644, NULL, PEM_CERTIFICATE, made.certificate, made.certificate_size, error) ||
                   put_text(directory, "key.pem", 0600, app, PEM_PRIVATE_KEY, made.key, made.key_size, error) ||
                   put(directory, "evidence.cbor", 0644, NULL, made.evidence, made.evidence_size, error)
               ? -1
               : 0;
    explicit_bzero(&made, sizeof made);
    return code;
}
