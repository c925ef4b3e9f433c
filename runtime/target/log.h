/* The kernel's log: shown at once if the policy says debug, else kept for the case that the kernel fails. */
#pragma once

#include "../common/util.h"

struct log {
    int line; /* not blocking */
    bool show;
    size_t size;
    char tail[8192];
};

/* Read what is there. Returns false at its end. */
bool log_read(struct log *log);

/* Read what is there up to now, to the last of it. */
void log_drain(struct log *log);

/* Show the last lines on standard error. */
void log_show_tail(const struct log *log);

/* A line of init's own log, which follows its frame on the control line: to standard error. Returns -1 if it is
   none. */
int log_pass(int control, size_t size);
