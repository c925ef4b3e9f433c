#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../include/olos/network.h"
#include "protect.h"

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

static int write_identity(const struct run *run, struct olos_error *error)
{
    static const char folder[] = "/run/olos", path[] = "/run/olos/tee.json";
    char measurement[65], text[256];
    hex_sha256(run->measurement, measurement);
    snprintf(text, sizeof text, "{\"hardware\":false,\"measurement\":\"%s\",\"target\":\"linux\"}",
             measurement);
    /* Whatever the image has there is none of its business. */
    if ((mkdir(folder, 0755) && errno != EEXIST) || mount("tmpfs", folder, "tmpfs", PRIVATE, "mode=0755,size=64k"))
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be made: %s", folder, strerror(errno));
    if (write_if_missing(path, text, error))
        return -1;
    if (mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY | PRIVATE, NULL))
        return olos_fail(error, OLOS_FAILED, "init: %s cannot be made read-only: %s", folder, strerror(errno));
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
    return write_identity(run, error);
}
