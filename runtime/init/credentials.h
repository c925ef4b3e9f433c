/* The app's certificate, key and evidence as files (policy.credentials = "pem"). */
#pragma once

#include "../common/manifest.h"

/* Make them new in a directory, the key for the app's user alone. Returns 0, or -1 with `error` filled in. */
int credentials_write(const char *directory, const struct olos_app *app, struct olos_error *error);
