/* The optional keys of the policy (docs/formats.md section 4). Each stands in the manifest only if its value
   is not the default, so that value and bytes still determine each other. */
#pragma once

#include "json.h"
#include "manifest.h"

/* Each reads its key if it comes next. They return 0, or -1 with the error of `j` filled in. */
int policy_read_patterns(struct json *j, struct olos_policy *policy); /* behind host_env */
int policy_read_log_level(struct json *j, struct olos_policy *policy);
int policy_read_outgoing(struct json *j, struct olos_policy *policy);
int policy_read_rlimits(struct json *j, struct olos_policy *policy);

/* Release what they allocated. */
void policy_free_optional(struct olos_policy *policy);
