/* `/olos/olos.json` and `/olos/run.json`: what to run, and what the host supplied (docs/runtime.md). */
#pragma once

#include "../common/manifest.h"
#include "../common/trace_filter.h"
#include "rootfs.h"

struct run {
    struct olos_texts args, env; /* from the host, before the policy */
    uint8_t measurement[32];
    bool is_signed;
    uint8_t signer[32];
    struct extent rootfs;
    bool tty;        /* the app's standard input and output are a terminal */
    bool tty_stderr; /* and its standard error too */
    uint16_t columns, rows;
    bool traced; /* for debug builds only */
    struct trace_filter trace;
};

/* Read both files. The manifest's bytes stay in memory. Returns 0, or -1 with `error` filled in. */
int run_load(struct olos_manifest *manifest, struct run *run, struct olos_error *error);
