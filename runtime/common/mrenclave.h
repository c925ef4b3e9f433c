/* The measurement of a manifest (`olos-measure-1`, docs/formats.md section 5). */
#pragma once

#include "manifest.h"

void olos_measurement(const struct olos_manifest *m, uint8_t measurement[32]);
