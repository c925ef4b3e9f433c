/* Measuring a layout: every value is computed from its bytes and compared with the manifest. */
#pragma once

#include "package.h"

/* The SHA-256 of all bytes of a file. Returns 0, or -1 with `error` filled in. */
int hash_file(const struct olos_file *file, uint8_t digest[32], struct olos_error *error);

/* Compare size and SHA-256 of a component file with its record. Returns 0, or -1 with `error` filled in. */
int measure_file(const struct olos_file *file, const struct olos_record *record, struct olos_error *error);

/* Compare all components with the manifest, and give the measurement. Returns 0, or -1 with `error` filled in
   for the first component that differs. */
int measure_layout(const struct olos_layout *layout, uint8_t measurement[32], struct olos_error *error);
