/* What the parts of a session share. */
#pragma once

#include "caller_input.h"
#include "grace.h"
#include "session.h"
#include "tee_channel.h"

enum phase { BOOTING, RUNNING, ENDING, ENDED };

struct session {
    const struct session_options *options;
    enum phase phase;
    struct guard guard;
    struct mount_process mounts;
    struct frames frames;
    struct outlet outlets[2];
    struct log log;
    int signals;
    int questions; /* of the kernel's system call filter, or -1 */
    bool supplies;
    bool confined;
    bool init_ready, network_ready;
    struct caller_input input;
    struct tee_channel tee;
    struct grace grace;
    uint64_t output_expected; /* once the app has ended */
    struct outcome outcome;
    struct olos_error *error;
    bool failed;
};

/* End the session with a failure. */
void session_fail(struct session *session, const char *text);

/* Nothing more will come from init. A failure if the app has not ended before. */
void session_kernel_has_ended(struct session *session);
