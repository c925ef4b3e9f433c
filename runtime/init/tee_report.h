/* Evidence about this app. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* As attested_reporter has it. */
int tee_report(const uint8_t report_data[64], uint8_t *evidence, size_t room, size_t *size);
