/* What a package says of itself: --olos-measure, --olos-verify, --olos-manifest, --olos-unpack, --olos-help.

   main.c reads the options; these functions answer one each. All return 0, or -1 with `error` filled in
   (for olos_die). Nothing is printed on standard output before everything has been checked. */
#pragma once

#include "../common/package.h"

/* Recompute every component from its bytes, compare it with the manifest, print the measurement. */
int answer_measure(const struct olos_layout *layout, struct olos_error *error);

/* The same, but compare the measurement with 64 hexadecimal digits instead of printing it, and account for
   what else lies in a package. */
int answer_verify(const struct olos_layout *layout, const char *expected, struct olos_error *error);

/* Print the manifest and a newline. */
int answer_manifest(const struct olos_layout *layout, struct olos_error *error);

/* Make the directory `path` the layout that the package holds. */
int answer_unpack(const struct olos_layout *layout, const char *path, struct olos_error *error);

/* Print the options of a package. */
int answer_help(struct olos_error *error);
