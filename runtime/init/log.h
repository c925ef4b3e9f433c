/* What init says while it sets up, as far as the measured policy wants it (policy.log_level). */
#pragma once

#include "../common/manifest.h"

/* To be called once the manifest is known; until then nothing is said. `line` is the control line. At "debug" the
   kernel says all that it has to say from now on, too. */
void log_open(int line, enum olos_log_level level);

/* One line. A step of the start, and its details. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
