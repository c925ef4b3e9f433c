/* The measured policy (docs/formats.md section 4), applied to what the host supplies. The target and init
   both apply it: the target for a clear answer, init because it is the one that is measured. */
#pragma once

#include "manifest.h"

/* What the app is started with. The strings are those of the manifest and of the host's lists. */
struct olos_invocation {
    struct olos_texts args, env;
};

/* Combine the app's arguments and environment with the host's. `host_env` holds NAME=value. Returns 0, or
   -1 with `error` filled in if the policy refuses them. */
int policy_apply(const struct olos_manifest *manifest, const struct olos_texts *host_args,
                 const struct olos_texts *host_env, struct olos_invocation *invocation,
                 struct olos_error *error);

/* Those of the host's variables that the policy lets in. */
struct olos_texts policy_host_env(const struct olos_policy *policy, char *const *environment);

/* Whether directories of the host are needed. */
bool policy_has_host_mounts(const struct olos_policy *policy);

/* Returns 0 if the `linux` target can do all that the policy asks for, or -1 with `error` filled in. */
int policy_check_supported(const struct olos_policy *policy, struct olos_error *error);
