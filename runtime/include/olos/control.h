/* What the target and the init of the linux target tell each other (docs/runtime.md).

   The control line is a serial line of the guest. Frames have a fixed size, little-endian, both ways, so
   that neither side ever waits for the rest of a frame of unknown length. Standard input travels beside it
   in a block device of slots: the line itself takes one byte per read of the host and loses its interrupt
   when more than a buffer of it (4096 bytes) is waiting. */
#pragma once

#include <stdint.h>

/* Where the guest finds its devices. */
#define CONTROL_LINE 0     /* ttyS0 */
#define CONTROL_STDOUT 1   /* ttyS1: bytes of the app's standard output, nothing else */
#define CONTROL_STDERR 2   /* ttyS2 */
#define CONTROL_MOUNTS 3   /* ttyS3: host mounts, see mounts.h; there only if the policy has some */
#define CONTROL_TEE 4   /* ttyS4: requests of the TEE, see tee_call.h */
#define CONTROL_ROOTFS 0   /* ubda: the package, or the image */
#define CONTROL_STDIN 1    /* ubdb: the slots */
#define CONTROL_MOUNT_SLOTS 2 /* ubdc: see mounts.h */

/* The slots of standard input. The target writes a slot, then says so in a DATA frame; init gives the
   slot back in a TAKEN frame once the app's pipe has all of it. */
#define CONTROL_SLOTS 2
#define CONTROL_SLOT_SIZE (128 * 1024)

/* Behind them, in the same device, lies the slot for answers of the TEE (tee_call.h). */
#define CONTROL_TEE_SLOT (CONTROL_SLOTS * CONTROL_SLOT_SIZE)

/* At most so many frames may be on their way to init without an answer. */
#define CONTROL_WINDOW 64

struct control_frame {
    uint8_t kind;
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
};

_Static_assert(sizeof(struct control_frame) == 16, "frames have one size");

/* Target to init. Each is answered by one frame: TAKEN for DATA, DONE for all others. */
enum control_to_init {
    CONTROL_DATA = 'd',   /* a: slot, c: bytes in it */
    CONTROL_GO = 'g',     /* the kernel is confined: start the app */
    CONTROL_EOF = 'e',    /* standard input has ended */
    CONTROL_SIGNAL = 's', /* a: signal, b: 1 for the app's whole foreground group */
    CONTROL_WINDOW_SIZE = 'w', /* a: unused, b: columns, c: rows */
    CONTROL_CLOSED = 'c', /* a: CONTROL_STDOUT or CONTROL_STDERR has no reader any more */
};

/* Init to target. */
enum control_to_target {
    CONTROL_HELLO = 'H',   /* the line is open; frames may be sent */
    CONTROL_READY = 'R',   /* all is set up; the kernel needs nothing of the host any more */
    CONTROL_STARTED = 'S', /* the app runs */
    CONTROL_TAKEN = 'T',   /* a: slot */
    CONTROL_DONE = 'D',
    CONTROL_FAILED = 'F',  /* a: exit code, c: length of the message that follows, ≤ CONTROL_MESSAGE */
    CONTROL_LOG = 'L',     /* c: length of the line that follows, < CONTROL_MESSAGE; as policy.log_level says */
    CONTROL_CONSUMED = 'U', /* d: bytes of standard input that the app has read; EXIT follows */
    CONTROL_EXIT = 'X',    /* a: 1 if by a signal, b: processes ended because memory ran out (UINT16_MAX: or
                              more), c: exit code or signal, d: bytes written to stdout and stderr together;
                              nothing follows */
};

#define CONTROL_MESSAGE 1024
