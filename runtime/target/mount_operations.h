/* The operations of FUSE that a host mount has. Each takes what it needs of the message, and returns 0 with
   the answer, or a negative errno. The table in mount_server.c says which of them change something. */
#pragma once

#include "mount_call.h"

/* mount_names.c: what happens in directories. */
int mount_lookup(struct mount_call *call);
int mount_readlink(struct mount_call *call);
int mount_mknod(struct mount_call *call);
int mount_mkdir(struct mount_call *call);
int mount_symlink(struct mount_call *call);
int mount_link(struct mount_call *call);
int mount_unlink(struct mount_call *call);
int mount_rmdir(struct mount_call *call);
int mount_rename(struct mount_call *call);
int mount_rename2(struct mount_call *call);
int mount_opendir(struct mount_call *call);
int mount_readdir(struct mount_call *call);
int mount_releasedir(struct mount_call *call);
int mount_fsyncdir(struct mount_call *call);

/* mount_files.c: what happens to files. */
int mount_getattr(struct mount_call *call);
int mount_setattr(struct mount_call *call);
int mount_open(struct mount_call *call);
int mount_create(struct mount_call *call);
int mount_read(struct mount_call *call);
int mount_write(struct mount_call *call);
int mount_fsync(struct mount_call *call);
int mount_release(struct mount_call *call);
int mount_statfs(struct mount_call *call);
