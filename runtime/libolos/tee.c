/* The calls of <olos/tee.h> as functions. */

#include <errno.h>
#include <olos/olos.h>

#include "bytes.h"
#include "kernel.h"

#define REPORT_DATA 64

static uint64_t address(const void *pointer)
{
    return (uintptr_t)pointer;
}

/* Whether a TEE serves these calls. Elsewhere the number is unknown: ENOSYS, or what a container answers. */
static int is_served(void)
{
    return tee_call(OLOS_SYS_REPORT, NULL, 0) == -EINVAL;
}

static int verify(uint32_t what, const uint8_t *data, size_t size, unsigned flags, struct olos_identity *identity)
{
    struct olos_verify call = {
        .what = what,
        .flags = flags,
        .data = address(data),
        .data_size = size,
        .identity = address(identity),
        .identity_size = sizeof *identity,
    };
    return tee_call(OLOS_SYS_VERIFY, &call, sizeof call);
}

int olos_tee_kind(void)
{
    struct olos_identity identity;
    if (!is_served())
        return OLOS_TEE_NONE;
    int result = olos_identity(&identity);
    return result ? result : (int)identity.tee;
}

int olos_identity(struct olos_identity *identity)
{
    uint8_t fresh[REPORT_DATA], evidence[OLOS_EVIDENCE_ROOM];
    size_t size = sizeof evidence;
    if (!identity)
        return -EINVAL;
    int result = random_bytes(fresh, sizeof fresh);
    if (!result)
        result = olos_evidence(fresh, evidence, &size);
    if (!result)
        result = verify(OLOS_VERIFY_EVIDENCE, evidence, size, OLOS_ALLOW_SIMULATED | OLOS_ALLOW_DEBUG, identity);
    if (!result && memcmp(identity->report_data, fresh, sizeof fresh))
        result = -EIO;
    return result;
}

int olos_evidence(const uint8_t report_data[REPORT_DATA], uint8_t *evidence, size_t *size)
{
    if (!size)
        return -EINVAL;
    if (!evidence) {
        *size = OLOS_EVIDENCE_ROOM;
        return 0;
    }
    struct olos_report call = {
        .report_data = address(report_data),
        .evidence = address(evidence),
        .evidence_size = *size,
    };
    int result = tee_call(OLOS_SYS_REPORT, &call, sizeof call);
    if (!result || result == -ERANGE)
        *size = call.evidence_size;
    return result;
}

int olos_verify_evidence(const uint8_t *evidence, size_t size, unsigned flags, struct olos_identity *identity)
{
    return verify(OLOS_VERIFY_EVIDENCE, evidence, size, flags, identity);
}

int olos_generate_cert(int curve, unsigned flags, uint8_t *certificate, size_t *certificate_size, uint8_t *key,
                       size_t *key_size)
{
    if (!certificate_size || !key_size || !certificate != !key)
        return -EINVAL;
    if (!certificate) {
        *certificate_size = OLOS_CERTIFICATE_ROOM;
        *key_size = OLOS_KEY_ROOM;
        return 0;
    }
    struct olos_generate call = {
        .curve = (uint32_t)curve,
        .flags = flags,
        .certificate = address(certificate),
        .certificate_size = *certificate_size,
        .key = address(key),
        .key_size = *key_size,
    };
    int result = tee_call(OLOS_SYS_GENERATE, &call, sizeof call);
    if (!result || result == -ERANGE) {
        *certificate_size = call.certificate_size;
        *key_size = call.key_size;
    }
    return result;
}

int olos_verify_cert(const uint8_t *certificate, size_t size, unsigned flags, olos_policy *policy, void *argument)
{
    struct olos_identity identity;
    if (!policy)
        return -EINVAL;
    int result = verify(OLOS_VERIFY_CERTIFICATE, certificate, size, flags, &identity);
    if (result)
        return result;
    int answer = policy(&identity, argument);
    return answer > 0 ? -EACCES : answer;
}
