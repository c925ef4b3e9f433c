/* The manifest `olos.json`, schema `olos/1` (docs/formats.md section 4), with the checks of
   olos/manifest.py: the same bytes are accepted and refused. */
#pragma once

#include "util.h"

#define MANIFEST_LIMIT ((size_t)1 << 20)

struct olos_texts {
    size_t count;
    char **items; /* items[count] is NULL, so it can serve as argv or envp */
};

struct olos_record { /* a component file */
    char *path;
    uint64_t size;
    uint8_t sha256[32];
};

struct olos_records {
    size_t count;
    struct olos_record *items;
};

struct olos_app {
    struct olos_texts args, env, expose;
    char *cwd, *hostname;
    int stop_signal;
    uint32_t uid, gid;
    size_t group_count;
    uint32_t *groups;
};

enum olos_mount_type { OLOS_MOUNT_TMPFS, OLOS_MOUNT_HOST, OLOS_MOUNT_SEALED };

struct olos_mount {
    char *target;
    enum olos_mount_type type;
    bool read_only;
    uint64_t size; /* bytes */
};

enum olos_credentials { OLOS_CREDENTIALS_NONE, OLOS_CREDENTIALS_PEM };
enum olos_host_args { OLOS_ARGS_DENY, OLOS_ARGS_APPEND, OLOS_ARGS_REPLACE };

enum olos_log_level { OLOS_LOG_ERROR, OLOS_LOG_INFO, OLOS_LOG_DEBUG };

struct olos_pattern { /* of the values of a variable: see pattern.h */
    char *name, *text;
};

#define OLOS_UNLIMITED UINT64_MAX

struct olos_rlimit {
    int resource; /* as in getrlimit(2) */
    uint64_t soft, hard;
};

struct olos_policy {
    enum olos_credentials credentials;
    bool debug;
    enum olos_host_args host_args;
    struct olos_texts host_env, ports;
    uint64_t memory; /* bytes */
    size_t mount_count;
    struct olos_mount *mounts;
    uint16_t product_id, security_version;
    /* the optional keys (policy_reader.h) */
    size_t pattern_count; /* sorted by name */
    struct olos_pattern *patterns;
    enum olos_log_level log_level;
    bool outgoing;
    size_t rlimit_count;
    struct olos_rlimit *rlimits;
};

struct olos_rootfs {
    uint64_t entries, image_size;
    char *path;
    uint8_t tree_root[32], verity_root[32];
};

/* The measured sections in the order of the measurement. */
enum olos_section { OLOS_KERNEL, OLOS_CRT, OLOS_ROOTFS, OLOS_APP, OLOS_POLICY, OLOS_SECTIONS };

struct olos_bytes {
    const uint8_t *data;
    size_t size;
};

struct olos_manifest {
    struct olos_app app;
    struct olos_records crt, kernel;
    struct olos_policy policy;
    struct olos_rootfs rootfs;
    struct olos_bytes sections[OLOS_SECTIONS]; /* canonical bytes of each, inside the decoded buffer */
};

/* Decode the bytes of a manifest. They must outlive it (`sections` points into them). Returns 0, or -1
   with `error` filled in; either way `manifest_free` releases what was allocated. */
int manifest_decode(struct olos_manifest *m, const void *data, size_t size, struct olos_error *error);
void manifest_free(struct olos_manifest *m);
