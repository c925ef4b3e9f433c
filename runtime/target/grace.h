/* The time that the app has to end once it was asked to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GRACE_DEFAULT_SECONDS 10
#define GRACE_MAX_SECONDS 86400
#define GRACE_FOREVER (-1)

enum grace_step { GRACE_NONE, GRACE_ASKED, GRACE_KILLED, GRACE_OVER };

struct grace {
    int seconds; /* or GRACE_FOREVER */
    enum grace_step step;
    int64_t deadline; /* of the step, in ms of the monotonic clock */
};

/* The app was asked to end. Only the first time counts. */
void grace_begin(struct grace *grace);

/* How long to wait at most, in ms, for poll. -1: for ever. */
int grace_pause(const struct grace *grace);

/* Whether the time of a step is over. The next step has begun then: GRACE_KILLED, in which the kernel ends the
   app, for a short time; then GRACE_OVER. */
bool grace_has_ended(struct grace *grace);
