#include "tee_requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/attested.h"
#include "../common/pem.h"
#include "tee_call.h"
#include "tee_report.h"
#include "tee_trust.h"

/* Here, and not on the stack, what is as large as an app may wish. All of it is wiped after each call. */
static struct {
    const char *hostname;
    struct attested attested;
    uint8_t certificate[OLOS_CERTIFICATE_ROOM], key[OLOS_KEY_ROOM];
    uint8_t data[OLOS_MAX_DATA + 1], roots[OLOS_MAX_DATA + 1];
    struct evidence_certificate items[TRUST_MAX];
} state;

/* One call: its structure is copied in, and out again if sizes in it are for the caller. */
union arguments {
    struct olos_generate generate;
    struct olos_verify verify;
    struct olos_report report;
    struct olos_key key;
};

struct request {
    const struct caller *caller;
    struct span own; /* the structure */
    union arguments *arguments;
};

static int put_back(const struct request *request)
{
    return caller_write(request->caller, request->own, request->arguments);
}

/* A buffer is too small: say what is always enough. */
static int too_small(const struct request *request)
{
    int code = put_back(request);
    return code ? code : -ERANGE;
}

/* A buffer of the caller's, as far as it can be used. */
static struct span room_of(uint64_t address, uint64_t size, uint64_t most)
{
    return (struct span){address, size < most ? size : most};
}

/* ---- generate ---- */

static int to_pem(size_t *certificate_size, size_t *key_size)
{
    const struct attested *made = &state.attested;
    return pem_write(PEM_CERTIFICATE, made->certificate, made->certificate_size, state.certificate,
                     sizeof state.certificate, certificate_size) ||
                   pem_write(PEM_PRIVATE_KEY, made->key, made->key_size, state.key, sizeof state.key, key_size)
               ? -EIO
               : 0;
}

static int to_der(size_t *certificate_size, size_t *key_size)
{
    const struct attested *made = &state.attested;
    memcpy(state.certificate, made->certificate, *certificate_size = made->certificate_size);
    memcpy(state.key, made->key, *key_size = made->key_size);
    return 0;
}

static int generate(const struct request *request)
{
    struct olos_generate *wish = &request->arguments->generate;
    struct span certificate = room_of(wish->certificate, wish->certificate_size, OLOS_CERTIFICATE_ROOM);
    struct span key = room_of(wish->key, wish->key_size, OLOS_KEY_ROOM);
    if (wish->flags & ~OLOS_PEM || (wish->curve != OLOS_CURVE_P256 && wish->curve != OLOS_CURVE_P384) ||
        spans_overlap(certificate, key) || spans_overlap(certificate, request->own) || spans_overlap(key, request->own))
        return -EINVAL;
    wish->certificate_size = OLOS_CERTIFICATE_ROOM;
    wish->key_size = OLOS_KEY_ROOM;
    if (!certificate.size || !key.size)
        return too_small(request);
    size_t certificate_size, key_size;
    int code = attested_generate(&state.attested, wish->curve, state.hostname, time(NULL), tee_report);
    if (!code)
        code = wish->flags & OLOS_PEM ? to_pem(&certificate_size, &key_size) : to_der(&certificate_size, &key_size);
    if (code)
        return code;
    if (certificate_size > certificate.size || key_size > key.size)
        return too_small(request);
    certificate.size = wish->certificate_size = certificate_size;
    key.size = wish->key_size = key_size;
    if (caller_check(request->caller, key, true) || caller_check(request->caller, certificate, true) ||
        caller_write(request->caller, certificate, state.certificate) || caller_write(request->caller, key, state.key))
        return -EFAULT;
    return put_back(request);
}

/* ---- verify ---- */

static int read_data(const struct request *request, struct span span, uint8_t *data)
{
    return span.size > OLOS_MAX_DATA ? -E2BIG : caller_read(request->caller, span, data);
}

static int find_roots(const struct request *request, struct evidence_roots *roots)
{
    const struct olos_verify *wish = &request->arguments->verify;
    if (!wish->roots_size)
        return tee_trust_usual(roots);
    int code = read_data(request, (struct span){wish->roots, wish->roots_size}, state.roots);
    if (code)
        return code;
    int count = tee_trust_read(state.roots, wish->roots_size, state.items);
    *roots = (struct evidence_roots){count < 0 ? 0 : (size_t)count, state.items};
    return count < 0 ? count : 0;
}

/* The one certificate of a text, in place. */
static int decode(const uint8_t **data, size_t *size)
{
    const uint8_t *more;
    size_t at = 0, length = *size, unused;
    if (!pem_is_text(*data, length))
        return 0;
    if (pem_next_certificate(state.data, length, &at, data, size) <= 0 ||
        pem_next_certificate(state.data, length, &at, &more, &unused))
        return -EBADMSG;
    return 0;
}

static int check_leave(const struct olos_identity *identity, uint32_t leave)
{
    bool simulated = identity->flags & OLOS_IDENTITY_SIMULATED, debug = identity->flags & OLOS_IDENTITY_DEBUG;
    return (simulated && !(leave & OLOS_ALLOW_SIMULATED)) || (debug && !(leave & OLOS_ALLOW_DEBUG)) ? -EPERM : 0;
}

static int verify(const struct request *request)
{
    const struct olos_verify *wish = &request->arguments->verify;
    struct evidence_roots roots;
    struct olos_identity identity;
    const uint8_t *data = state.data;
    size_t size = wish->data_size;
    if (wish->what > OLOS_VERIFY_EVIDENCE || wish->flags & ~(OLOS_ALLOW_SIMULATED | OLOS_ALLOW_DEBUG) ||
        wish->identity_size < sizeof identity)
        return -EINVAL;
    if (wish->identity_size > sizeof identity)
        return -E2BIG;
    int code = read_data(request, (struct span){wish->data, wish->data_size}, state.data);
    if (!code && wish->what == OLOS_VERIFY_CERTIFICATE)
        code = decode(&data, &size);
    if (!code)
        code = find_roots(request, &roots);
    if (!code)
        code = (wish->what == OLOS_VERIFY_CERTIFICATE ? attested_verify : evidence_verify)(data, size, &roots, time(NULL),
                                                                                         &identity);
    if (!code)
        code = check_leave(&identity, wish->flags);
    if (code)
        return code;
    return caller_write(request->caller, (struct span){wish->identity, sizeof identity}, &identity);
}

/* ---- report, key ---- */

static int report(const struct request *request)
{
    struct olos_report *wish = &request->arguments->report;
    struct span evidence = room_of(wish->evidence, wish->evidence_size, OLOS_EVIDENCE_ROOM);
    uint8_t report_data[TEE_REPORT_DATA];
    if (wish->reserved || spans_overlap(evidence, request->own))
        return -EINVAL;
    int code = caller_read(request->caller, (struct span){wish->report_data, sizeof report_data}, report_data);
    if (code)
        return code;
    wish->evidence_size = OLOS_EVIDENCE_ROOM;
    if (!evidence.size)
        return too_small(request);
    size_t size;
    code = tee_report(report_data, state.data, OLOS_EVIDENCE_ROOM, &size);
    if (code)
        return code;
    if (size > evidence.size)
        return too_small(request);
    evidence.size = wish->evidence_size = size;
    code = caller_write(request->caller, evidence, state.data);
    return code ? code : put_back(request);
}

static int key(const struct request *request)
{
    const struct olos_key *wish = &request->arguments->key;
    const struct tee_call_key question = {.policy = (uint8_t)wish->policy, .security_version = (uint16_t)wish->svn};
    if ((wish->policy != OLOS_KEY_OF_MEASUREMENT && wish->policy != OLOS_KEY_OF_SIGNER) || wish->svn > UINT16_MAX ||
        (wish->policy == OLOS_KEY_OF_MEASUREMENT && wish->svn))
        return -EINVAL;
    size_t size;
    int code = tee_call(TEE_KEY, &question, sizeof question, state.key, TEE_KEY_SIZE, &size);
    if (code)
        return code;
    if (size != TEE_KEY_SIZE)
        return -EIO;
    return caller_write(request->caller, (struct span){wish->key, size}, state.key);
}

/* ---- all of them ---- */

static const struct {
    int number;
    size_t size; /* of its structure */
    int (*run)(const struct request *request);
} calls[] = {
    {OLOS_SYS_GENERATE, sizeof(struct olos_generate), generate},
    {OLOS_SYS_VERIFY, sizeof(struct olos_verify), verify},
    {OLOS_SYS_REPORT, sizeof(struct olos_report), report},
    {OLOS_SYS_KEY, sizeof(struct olos_key), key},
};

static void wipe(void)
{
    const char *hostname = state.hostname;
    explicit_bzero(&state, sizeof state);
    state.hostname = hostname;
}

int tee_request(const struct caller *caller, int number, uint64_t arguments, uint64_t size)
{
    union arguments copy;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const struct request request = {caller, {arguments, calls[i].size}, &copy};
        if (calls[i].number != number)
            continue;
        if (size != calls[i].size)
            return size < calls[i].size ? -EINVAL : -E2BIG;
        int code = caller_read(caller, request.own, &copy);
        if (!code)
            code = calls[i].run(&request);
        wipe();
        return code;
    }
    return -ENOSYS;
}

void tee_requests_prepare(const char *hostname)
{
    state.hostname = hostname;
}
