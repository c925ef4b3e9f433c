#include "grace.h"

#include <limits.h>
#include <time.h>

/* How long init may take to end the app and to deliver its last output. */
#define KILL_SECONDS 2

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void grace_begin(struct grace *grace)
{
    if (grace->step != GRACE_NONE || grace->seconds == GRACE_FOREVER)
        return;
    grace->step = GRACE_ASKED;
    grace->deadline = now() + (int64_t)grace->seconds * 1000;
}

int grace_pause(const struct grace *grace)
{
    if (grace->step == GRACE_NONE || grace->step == GRACE_OVER)
        return -1;
    int64_t left = grace->deadline - now();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

bool grace_has_ended(struct grace *grace)
{
    if (grace_pause(grace) != 0)
        return false;
    grace->step = grace->step == GRACE_ASKED ? GRACE_KILLED : GRACE_OVER;
    grace->deadline = now() + KILL_SECONDS * 1000;
    return true;
}
