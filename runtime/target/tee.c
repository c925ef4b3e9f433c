#include "tee.h"

#include <errno.h>
#include <mbedtls/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/random.h"
#include "../include/olos/tee_call.h"
#include "tee_certificates.h"
#include "tee_root.h"
#include "tee_sealing.h"

#define BACKDATED 300            /* clocks differ */
#define LIFETIME (24 * 60 * 60)
#define LEFT_AT_LEAST (12 * 60 * 60)
#define PEM_ROOM (2 * TEE_CERTIFICATE_ROOM)

static struct {
    struct tee_subject subject;
    bool has_root, has_key, complained;
    mbedtls_pk_context root, key;
    struct tee_certificate root_certificate, certificate;
    int64_t valid_from, valid_until; /* of the attestation key's certificate */
} state;

void tee_prepare(const struct olos_policy *policy, const uint8_t measurement[32], const uint8_t *signer)
{
    struct tee_subject *subject = &state.subject;
    *subject = (struct tee_subject){
        .debug = policy->debug,
        .has_signer = signer != NULL,
        .product_id = policy->product_id,
        .security_version = policy->security_version,
    };
    memcpy(subject->measurement, measurement, sizeof subject->measurement);
    if (signer)
        memcpy(subject->signer, signer, sizeof subject->signer);
}

/* ---- what is made when it is first needed ---- */

static int need_root(struct olos_error *error)
{
    if (state.has_root)
        return 0;
    if (tee_root_load(&state.root, error) == 0) {
        state.has_root = tee_certify_root(&state.root_certificate, &state.root) == 0;
        if (state.has_root)
            return 0;
        olos_fail(error, OLOS_FAILED, "the certificate of the simulated TEE cannot be made");
    }
    mbedtls_pk_free(&state.root);
    return -1;
}

static int need_root_or_complain(void)
{
    struct olos_error error;
    if (need_root(&error) == 0)
        return 0;
    if (!state.complained)
        dprintf(STDERR_FILENO, "olos: %s\n", error.text);
    state.complained = true;
    return -ENOKEY;
}

static int make_key(void)
{
    if (state.has_key)
        return 0;
    mbedtls_pk_init(&state.key);
    state.has_key = mbedtls_pk_setup(&state.key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
                    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP384R1, mbedtls_pk_ec(state.key), fill_random, NULL) == 0;
    if (state.has_key)
        return 0;
    mbedtls_pk_free(&state.key);
    return -EIO;
}

/* The clock may have been set back, too. */
static int need_attestation_key(int64_t now)
{
    bool valid = state.valid_from <= now && now <= state.valid_until - LEFT_AT_LEAST;
    if (state.has_key && valid)
        return 0;
    if (make_key() ||
        tee_certify_attestation(&state.certificate, &state.key, &state.root, now - BACKDATED, now + LIFETIME))
        return -EIO;
    state.valid_from = now - BACKDATED;
    state.valid_until = now + LIFETIME;
    return 0;
}

/* ---- answers ---- */

static int answer_report(const uint8_t *body, uint8_t *answer, size_t room, size_t *size)
{
    const struct tee_subject *subject = &state.subject;
    struct evidence_claims claims = {
        .has_signer = subject->has_signer,
        .debug = subject->debug,
        .product_id = subject->product_id,
        .security_version = subject->security_version,
        .issued = time(NULL),
    };
    memcpy(claims.report_data, body, sizeof claims.report_data);
    memcpy(claims.measurement, subject->measurement, sizeof claims.measurement);
    memcpy(claims.signer, subject->signer, sizeof claims.signer);
    if (need_attestation_key(claims.issued))
        return -EIO;
    const struct evidence_certificate chain[] = {
        {state.certificate.data, state.certificate.size},
        {state.root_certificate.data, state.root_certificate.size},
    };
    return evidence_encode(&claims, &state.key, chain, answer, room, size);
}

static int answer_key(const uint8_t *body, uint8_t *answer, size_t room, size_t *size)
{
    struct tee_call_key wish;
    memcpy(&wish, body, sizeof wish);
    if (room < TEE_SEALING_KEY_SIZE)
        return -ERANGE;
    *size = TEE_SEALING_KEY_SIZE;
    if (wish.zero)
        return -EINVAL;
    if (wish.policy == TEE_POLICY_MEASUREMENT && !wish.security_version)
        return tee_seal_to_measurement(&state.root, &state.subject, answer);
    if (wish.policy == TEE_POLICY_SIGNER)
        return tee_seal_to_signer(&state.root, &state.subject, wish.security_version, answer);
    return -EINVAL;
}

static int answer_root(const uint8_t *body, uint8_t *answer, size_t room, size_t *size)
{
    (void)body;
    *size = state.root_certificate.size;
    if (room < *size)
        return -ERANGE;
    memcpy(answer, state.root_certificate.data, *size);
    return 0;
}

static const struct {
    size_t size; /* of the body */
    int (*answer)(const uint8_t *body, uint8_t *answer, size_t room, size_t *size);
} kinds[] = {
    [TEE_REPORT] = {TEE_REPORT_DATA, answer_report},
    [TEE_KEY] = {sizeof(struct tee_call_key), answer_key},
    [TEE_ROOT] = {0, answer_root},
};

int tee_answer(uint32_t kind, const uint8_t *body, size_t size, uint8_t *answer, size_t room, size_t *answer_size)
{
    *answer_size = 0;
    if (kind >= sizeof kinds / sizeof *kinds || !kinds[kind].answer || size != kinds[kind].size)
        return -EINVAL;
    int code = need_root_or_complain();
    if (!code)
        code = kinds[kind].answer(body, answer, room, answer_size);
    if (code)
        *answer_size = 0;
    return code;
}

/* ---- for the caller ---- */

int tee_print_root(struct olos_error *error)
{
    uint8_t text[PEM_ROOM];
    size_t size;
    if (need_root(error))
        return -1;
    if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
                                 state.root_certificate.data, state.root_certificate.size, text, sizeof text, &size))
        return olos_fail(error, OLOS_FAILED, "the certificate of the simulated TEE cannot be written");
    ssize_t count = write_full(STDOUT_FILENO, text, size - 1); /* without its NUL */
    if (count >= 0)
        return 0;
    return olos_fail(error, OLOS_FAILED, "standard output cannot be written: %s", strerror((int)-count));
}
