/* The process between the kernel's network device and the user-mode network stack (docs/network.md). */
#pragma once

#include "frame_filter.h"

struct frame_relay {
    int kernel; /* a socket with a frame in each message */
    int stack;  /* a stream: frames, each behind its length in 4 bytes, big-endian, as QEMU has them */
    int report; /* takes one byte once the stack answers */
    struct frame_filter filter;
};

/* Relay frames until one side ends. The caller has confined the process. */
_Noreturn void frame_relay_run(struct frame_relay *relay);
