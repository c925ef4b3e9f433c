/* The system calls of the TEE that an app runs in (docs/tee.md).

   Each is called as syscall(number, &arguments, sizeof arguments). They return 0, or -1 with errno:

   ENOSYS        there is no TEE: the program does not run in a package
   EFAULT        an address that the caller may not read, or not write
   EINVAL        an argument has no meaning, buffers overlap, or the structure is too small
   E2BIG         the structure is larger than known here; or data is larger than OLOS_MAX_DATA
   ERANGE        a buffer is too small; its size says now what is enough, and nothing else was written
   EBADMSG       the data is no certificate or evidence
   EKEYREJECTED  it is not genuine: a signature, the chain to a root, or the key in the evidence is wrong
   EKEYEXPIRED   it is not valid at this time
   EPERM         it is simulated, or of a debug build, without leave to be so; or a security version is asked for
                 that is above the app's own
   ENOKEY        there is no root to trust; or the layout is not signed; or the TEE has no key
   EIO           the TEE has failed
   EINTR         a signal was handled before the call began

   Pointers are 64-bit numbers. The caller owns all buffers; nothing has to be freed. */
#pragma once

#include <stdint.h>

#define OLOS_SYS_GENERATE 0x6f6c0001
#define OLOS_SYS_VERIFY 0x6f6c0002
#define OLOS_SYS_REPORT 0x6f6c0003
#define OLOS_SYS_KEY 0x6f6c0004

#define OLOS_MAX_DATA 65536

/* Buffers of these sizes are always enough. */
#define OLOS_CERTIFICATE_ROOM 16384
#define OLOS_KEY_ROOM 512
#define OLOS_EVIDENCE_ROOM 8192

#define OLOS_TEE_NONE 0
#define OLOS_TEE_SIMULATED 1

#define OLOS_IDENTITY_SIMULATED 1u
#define OLOS_IDENTITY_DEBUG 2u
#define OLOS_IDENTITY_SIGNED 4u

/* Who made evidence. Times are seconds since 1970-01-01 UTC. */
struct olos_identity {
    uint32_t size; /* of this structure */
    uint32_t tee;  /* OLOS_TEE_SIMULATED */
    uint32_t flags;
    uint16_t product_id, security_version;
    uint8_t measurement[32];
    uint8_t signer[32]; /* zeros without OLOS_IDENTITY_SIGNED */
    uint8_t report_data[64];
    int64_t issued, valid_from, valid_until;
    uint8_t key_digest[48]; /* of the certificate's key; zeros for bare evidence */
    uint8_t reserved[40];   /* zeros */
};

#define OLOS_CURVE_P256 256
#define OLOS_CURVE_P384 384

#define OLOS_PEM 1u /* text instead of DER */

/* OLOS_SYS_GENERATE: make a key and a certificate for it, with evidence inside (docs/formats.md section 14). Sizes
   are those of the buffers before, and of what is in them afterwards. The key is in PKCS #8. */
struct olos_generate {
    uint32_t curve;
    uint32_t flags;
    uint64_t certificate, certificate_size;
    uint64_t key, key_size;
};

#define OLOS_VERIFY_CERTIFICATE 0 /* DER or PEM */
#define OLOS_VERIFY_EVIDENCE 1

#define OLOS_ALLOW_SIMULATED 1u
#define OLOS_ALLOW_DEBUG 2u

/* OLOS_SYS_VERIFY: who made this certificate or evidence? Without `roots` (certificates, DER or PEM) those are
   trusted that the rootfs had in /etc/olos/roots/ at the start, and the TEE's own. Evidence without a certificate
   proves only that somebody has asked for it once: compare its report data with a nonce. */
struct olos_verify {
    uint32_t what;
    uint32_t flags;
    uint64_t data, data_size;
    uint64_t roots, roots_size;
    uint64_t identity, identity_size; /* struct olos_identity */
};

/* OLOS_SYS_REPORT: evidence about this app, with 64 bytes of its choice inside. */
struct olos_report {
    uint64_t report_data;
    uint64_t evidence, evidence_size; /* as in struct olos_generate */
    uint64_t reserved;                /* 0 */
};

#define OLOS_KEY_OF_MEASUREMENT 1
#define OLOS_KEY_OF_SIGNER 2

/* OLOS_SYS_KEY: 32 bytes that only this measurement gets, or only layouts of this signer and product id with at
   least this security version. */
struct olos_key {
    uint32_t policy;
    uint32_t svn; /* with OLOS_KEY_OF_SIGNER; else 0 */
    uint64_t key; /* 32 bytes */
};
