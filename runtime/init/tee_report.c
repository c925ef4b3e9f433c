#include "tee_report.h"

#include "tee_call.h"

int tee_report(const uint8_t report_data[64], uint8_t *evidence, size_t room, size_t *size)
{
    return tee_call(TEE_REPORT, report_data, TEE_REPORT_DATA, evidence, room, size);
}
