#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../include/olos/network.h"
#include "credentials.h"
#include "protect.h"

#define TEE_DIRECTORY "/run/olos"

/* A file that exists already, even as a dangling link, is the app's own and stays. */
static int write_if_missing(const char *path, const char *text, struct olos_error *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0 && errno == EEXIST)
        return 0;
    if (file < 0 || write_full(file, text, strlen(text)) < 0)
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be written: %s", path, strerror(errno));
    close(file);
    return 0;
}

static const char *flag(bool value)
{
    return value ? "true" : "false";
}

/* What an app may know of itself, as canonical JSON (docs/tee.md). */
static int write_identity(const struct olos_policy *policy, const struct run *run, struct olos_error *error)
{
    char measurement[65], signer[67] = "null", text[512];
    hex_sha256(run->measurement, measurement);
    if (run->is_signed) {
        hex_sha256(run->signer, signer + 1);
        signer[0] = signer[65] = '"';
        signer[66] = '\0';
    }
    snprintf(text, sizeof text,
             "{\"debug\":%s,\"hardware\":false,\"measurement\":\"%s\",\"product_id\":%u,"
             "\"security_version\":%u,\"signer\":%s,\"target\":\"linux\"}",
             flag(policy->debug), measurement, policy->product_id, policy->security_version, signer);
    return write_if_missing(TEE_DIRECTORY "/tee.json", text, error);
}

/* Whatever the image has there is out of sight. A file or a link in place of the directory goes away. */
static int mount_own(struct olos_error *error)
{
    struct stat status;
    if (lstat(TEE_DIRECTORY, &status) == 0 && !S_ISDIR(status.st_mode))
        unlink(TEE_DIRECTORY);
    if ((mkdir(TEE_DIRECTORY, 0755) && errno != EEXIST) ||
        mount("tmpfs", TEE_DIRECTORY, "tmpfs", PRIVATE, "mode=0755,size=128k"))
        return olos_fail(error, OLOS_FAILED, "init: " TEE_DIRECTORY " cannot be made: %s", strerror(errno));
    return 0;
}

static int write_own(const struct olos_manifest *manifest, const struct run *run, struct olos_error *error)
{
    if (mount_own(error) || write_identity(&manifest->policy, run, error) ||
        (manifest->policy.credentials == OLOS_CREDENTIALS_PEM &&
         credentials_write(TEE_DIRECTORY, &manifest->app, error)))
        return -1;
    /* Without CAP_SYS_ADMIN no app can write there, whoever it is. */
    if (mount(NULL, TEE_DIRECTORY, NULL, MS_REMOUNT | MS_RDONLY | PRIVATE, NULL))
        return olos_fail(error, OLOS_FAILED, "init: " TEE_DIRECTORY " cannot be made read-only: %s", strerror(errno));
    return 0;
}

int files_write(const struct olos_manifest *manifest, const struct run *run, struct olos_error *error)
{
    const char *hostname = manifest->app.hostname;
    const char *resolvers =
        manifest->policy.outgoing ? "nameserver " NETWORK_RESOLVER "\n" : "# policy.outgoing is not set\n";
    char hosts[512], name[128];
    snprintf(hosts, sizeof hosts,
             "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t%s\n", hostname);
    snprintf(name, sizeof name, "%s\n", hostname);
    if (write_if_missing("/etc/hosts", hosts, error) || write_if_missing("/etc/hostname", name, error) ||
        write_if_missing("/etc/resolv.conf", resolvers, error))
        return -1;
    return write_own(manifest, run, error);
}
