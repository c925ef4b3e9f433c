/* The end of the app, as its caller sees it. */
#pragma once

#include "../common/util.h"
#include "grace.h"

/* How the app ended. */
struct outcome {
    bool by_signal;
    int code; /* exit code or signal */
    unsigned victims; /* processes that were ended because memory ran out */
};

/* Say on standard error why it has ended, when neither the app nor its caller can know. `memory` in bytes. */
void outcome_explain(const struct outcome *outcome, const struct grace *grace, uint64_t memory);

/* End as the app did. */
_Noreturn void outcome_exit(const struct outcome *outcome);
