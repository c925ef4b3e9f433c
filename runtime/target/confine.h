/* What the kernel's process may ask of the host (docs/tcall.md). */
#pragma once

#include "../common/util.h"

/* What the host offers, the more the better. */
enum confine_ability {
    CONFINE_NOTHING,  /* no kernel can be started */
    CONFINE_FILTERS,  /* a filter that decides alone */
    CONFINE_ASKS,     /* one that asks the target */
    CONFINE_SUPPLIES, /* and takes a file as an answer */
};

/* Find out, in a process that is of no further use. */
enum confine_ability confine_try(void);

/* What a kernel keeps. */
struct confinement {
    int channel;                  /* a socket that takes the descriptor on which the filter asks */
    int frames;                   /* of the network, or -1 */
    int package;                  /* may be opened again */
    const char *memory_directory; /* where it may make its memory */
};

/* Give up all rights, and pass a system call filter and Landlock rules into the calling process for good. -1 is sent
   over the channel where the host has no filters that ask; then the filter decides alone. Returns 0, or -1
   with errno set. */
int confine_enter(const struct confinement *keep);

/* The same for the relay of the network: it may read and write what it has, nothing else. */
int confine_relay(void);

/* Receive that descriptor. Returns it, or -1 if there is none: then `channel` has failed, or
   the filter does not ask. */
int confine_receive(int channel);

/* Whether the answer to a question can be a file (Linux 5.9). */
bool confine_can_supply(int questions);

/* Answer one question: yes while the kernel boots, no once the app may run. With `supply` a file
   without a name that it asks for, for its memory, is one in memory: no directory of the host is used. Returns the number
   of a system call that was refused, or -1. */
int confine_answer(int questions, bool booting, bool supply);
