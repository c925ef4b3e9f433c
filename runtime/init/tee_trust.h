/* Whom the app trusts: root certificates of its rootfs, as they were at the start, and the TEE's own. */
#pragma once

#include "../common/evidence.h"
#include "../common/util.h"

/* Where the rootfs has certificates (PEM, *.pem) of the roots that it trusts. */
#define TRUST_DIRECTORY "/etc/olos/roots"
#define TRUST_MAX 64

/* Read them. They must be certificates: who is trusted must not depend on what can be read. Returns 0, or -1 with
   `error` filled in. */
int tee_trust_load(struct olos_error *error);

/* The roots that are trusted without others being named. Returns 0, or a negative errno (-ENOKEY: there are none). */
int tee_trust_usual(struct evidence_roots *roots);

/* Read certificates, DER or PEM (then the text is overwritten), into `items`. They point into `data`. Returns how many
   there are, or -EBADMSG. */
int tee_trust_read(uint8_t *data, size_t size, struct evidence_certificate items[TRUST_MAX]);
