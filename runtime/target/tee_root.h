/* The root key of the simulated TEE: a file of the caller's (docs/formats.md section 13.1). */
#pragma once

#include <mbedtls/pk.h>

#include "../common/util.h"

#define TEE_SCALAR_SIZE 48 /* P-384 */

/* Read the root key, and make it first if there is none and no file is named by OLOS_SIM_ROOT. Returns 0, or -1 with
   `error` filled in; either way mbedtls_pk_free releases what was allocated. */
int tee_root_load(mbedtls_pk_context *key, struct olos_error *error);
