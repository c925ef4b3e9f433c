/* Calls a function of libolos: driver VERB [ARGS], data from standard input, results to standard output. The exit
   code is the errno, or 0. */

#include <errno.h>
#include <olos/olos.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT (1 << 20)

static uint8_t input[LIMIT], output[LIMIT + OLOS_SEAL_OVERHEAD];

static size_t read_all(void)
{
    return fread(input, 1, sizeof input, stdin);
}

static int written(int result, const void *data, size_t size)
{
    if (!result)
        fwrite(data, 1, size, stdout);
    return -result;
}

static int wants(const struct olos_identity *identity, void *argument)
{
    return memcmp(identity->measurement, argument, 32) ? -EDOM : 0;
}

static int positive(const struct olos_identity *identity, void *argument)
{
    (void)identity;
    (void)argument;
    return 1;
}

static int kind(void)
{
    int found = olos_tee_kind();
    if (found < 0)
        return -found;
    printf("%d\n", found);
    return 0;
}

static int seal(int policy, const char *aad)
{
    size_t size = read_all(), room = 0, needed = sizeof output;
    if (olos_seal(policy, input, size, NULL, 0, NULL, &room) || room != size + OLOS_SEAL_OVERHEAD)
        return 200;
    int result = olos_seal(policy, input, size, (const uint8_t *)aad, strlen(aad), output, &needed);
    return written(result, output, needed);
}

static int unseal(const char *aad)
{
    size_t size = read_all(), room = sizeof output;
    memset(output, 0x55, sizeof output);
    int result = olos_unseal(input, size, (const uint8_t *)aad, strlen(aad), output, &room);
    if (result == -EKEYREJECTED)
        for (size_t i = 0; i + OLOS_SEAL_OVERHEAD < size; i++)
            if (output[i])
                return 201; /* something of what did not open */
    return written(result, output, room);
}

/* The whole way at one place in memory. */
static int in_place(void)
{
    size_t size = read_all(), sealed = sizeof output, opened = size;
    memcpy(output + 64, input, size);
    int result = olos_seal(OLOS_KEY_OF_MEASUREMENT, output + 64, size, NULL, 0, output, &sealed);
    if (result || !memcmp(output + 64, input, size))
        return result ? -result : 202;
    result = olos_unseal(output, sealed, NULL, 0, output + 64, &opened);
    return written(result, output + 64, opened);
}

/* Calls that mean nothing, and rooms that are too small: one errno on each line. */
static int wrong(void)
{
    size_t size = 4, small = 83, enough = 84, less = 3;
    uint8_t sealed[100], key[OLOS_KEY_ROOM];
    struct olos_identity identity;
    const uint8_t *data = (const uint8_t *)"data";
    const int answers[] = {
        olos_seal(0, data, size, NULL, 0, sealed, &enough),
        olos_seal(3, data, size, NULL, 0, sealed, &enough),
        olos_seal(1, NULL, size, NULL, 0, sealed, &enough),
        olos_seal(1, data, size, NULL, 1, sealed, &enough),
        olos_seal(1, data, size, NULL, 0, sealed, NULL),
        olos_seal(1, sealed + 63, size, NULL, 0, sealed, &enough),
        olos_seal(1, sealed + 65, size, NULL, 0, sealed, &enough),
        olos_unseal(NULL, 100, NULL, 0, sealed, &size),
        olos_identity(NULL),
        olos_evidence(input, sealed, NULL),
        olos_generate_cert(256, 0, sealed, &size, NULL, &enough),
        olos_generate_cert(255, 0, sealed, &size, key, &enough),
        olos_verify_cert(data, 4, 0, NULL, NULL),
        olos_verify_evidence(data, 4, 4, &identity),
        olos_seal(1, data, SIZE_MAX - 8, NULL, 0, sealed, &enough),
        olos_seal(1, data, size, NULL, 0, sealed, &small),
        olos_unseal(sealed, 79, NULL, 0, sealed, &size),
        olos_verify_evidence(data, 4, 1, &identity),
        olos_verify_evidence(data, 1 << 20, 1, &identity),
        olos_verify_evidence((const uint8_t *)1, 4, 1, &identity),
        olos_seal(1, data, 4, NULL, 0, sealed, &enough),
        olos_unseal(sealed, 84, NULL, 0, key, &less),
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        printf("%d\n", -answers[i]);
    return small != 84 || less != 4;
}

int main(int count, char **argument)
{
    static struct olos_identity identity;
    static uint8_t certificate[OLOS_CERTIFICATE_ROOM], key[OLOS_KEY_ROOM];
    uint8_t report_data[64] = {0};
    const char *verb = count > 1 ? argument[1] : "";
    if (!strcmp(verb, "kind"))
        return kind();
    if (!strcmp(verb, "identity"))
        return written(olos_identity(&identity), &identity, sizeof identity);
    if (!strcmp(verb, "seal"))
        return seal(atoi(argument[2]), argument[3]);
    if (!strcmp(verb, "unseal"))
        return unseal(argument[2]);
    if (!strcmp(verb, "in-place"))
        return in_place();
    if (!strcmp(verb, "wrong"))
        return wrong();
    size_t size = read_all();
    unsigned flags = count > 2 ? (unsigned)atoi(argument[2]) : 0;
    if (!strcmp(verb, "evidence")) {
        size_t room = sizeof output;
        memcpy(report_data, input, size < sizeof report_data ? size : sizeof report_data);
        int result = olos_evidence(report_data, output, &room);
        return written(result, output, room);
    }
    if (!strcmp(verb, "verify-evidence"))
        return written(olos_verify_evidence(input, size, flags, &identity), &identity, sizeof identity);
    if (!strcmp(verb, "generate")) {
        size_t certificate_size = sizeof certificate, key_size = sizeof key;
        int result = olos_generate_cert(atoi(argument[3]), flags, certificate, &certificate_size, key, &key_size);
        written(result, certificate, certificate_size);
        return written(result, key, key_size);
    }
    if (!strcmp(verb, "verify-cert")) {
        uint8_t measurement[32];
        memset(measurement, (int)strtoul(argument[3], NULL, 16), sizeof measurement);
        return -olos_verify_cert(input, size, flags, wants, measurement);
    }
    return strcmp(verb, "verify-cert-positive") ? 255 : -olos_verify_cert(input, size, flags, positive, NULL);
}
