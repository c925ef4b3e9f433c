#include "dm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MISC_MAJOR 10
#define MAPPER_MINOR 236

struct request {
    struct dm_ioctl header;
    struct dm_target_spec target;
    char parameters[512];
};

static int mapper_open(void)
{
    static const char path[] = "/dev/mapper-control";
    if (mknod(path, S_IFCHR | 0600, makedev(MISC_MAJOR, MAPPER_MINOR)) && errno != EEXIST)
        return -1;
    return open(path, O_RDWR | O_CLOEXEC);
}

static int command(int mapper, unsigned long number, struct request *request, const char *name, uint32_t flags)
{
    request->header = (struct dm_ioctl){
        .version = {DM_VERSION_MAJOR, 0, 0},
        .data_size = sizeof *request,
        .data_start = offsetof(struct request, target),
        .target_count = number == DM_TABLE_LOAD,
        .flags = flags,
    };
    snprintf(request->header.name, sizeof request->header.name, "%s", name);
    return ioctl(mapper, (int)number, request); /* musl takes an int */
}

/* The kernel's new_encode_dev(). */
static dev_t decode_device(uint64_t code)
{
    return makedev((unsigned)(code >> 8) & 0xfff, (unsigned)((code & 0xff) | (code >> 12 & 0xfff00)));
}

int dm_create(const char *name, const char *target, const char *parameters, uint64_t sectors, dev_t *device,
              struct olos_error *error)
{
    struct request request = {.target = {.length = sectors}};
    snprintf(request.target.target_type, sizeof request.target.target_type, "%s", target);
    int length = snprintf(request.parameters, sizeof request.parameters, "%s", parameters);
    if (length < 0 || (size_t)length >= sizeof request.parameters)
        return olos_fail(error, OLOS_FAILED, "init: the table of %s is too long", name);
    struct request create = {0}, resume = {0};
    int mapper = mapper_open();
    if (mapper < 0 || command(mapper, DM_DEV_CREATE, &create, name, DM_READONLY_FLAG) ||
        command(mapper, DM_TABLE_LOAD, &request, name, DM_READONLY_FLAG) ||
        command(mapper, DM_DEV_SUSPEND, &resume, name, DM_READONLY_FLAG))
        return olos_fail(error, OLOS_FAILED, "init: the device %s cannot be made: %s", name, strerror(errno));
    close(mapper);
    *device = decode_device(resume.header.dev);
    return 0;
}
