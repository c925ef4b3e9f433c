/* What an app asks of its TEE, many times: prints the seconds of it. */
#include <errno.h>
#include <olos/olos.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMES 100
#define SIZE (64ul << 20)

static uint8_t certificate[OLOS_CERTIFICATE_ROOM], key[OLOS_KEY_ROOM], evidence[OLOS_EVIDENCE_ROOM];
static uint8_t data[SIZE], sealed[SIZE + OLOS_SEAL_OVERHEAD];
static size_t certificate_size, key_size, evidence_size, sealed_size;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(int code)
{
    if (code) {
        fprintf(stderr, "attestation: %s\n", strerror(-code));
        exit(1);
    }
}

static void generate(int curve)
{
    certificate_size = sizeof certificate;
    key_size = sizeof key;
    check(olos_generate_cert(curve, 0, certificate, &certificate_size, key, &key_size));
}

static void p256(void)
{
    generate(OLOS_CURVE_P256);
}

static void p384(void)
{
    generate(OLOS_CURVE_P384);
}

static int any(const struct olos_identity *identity, void *argument)
{
    (void)identity;
    (void)argument;
    return 0;
}

static void verify(void)
{
    check(olos_verify_cert(certificate, certificate_size, OLOS_ALLOW_SIMULATED, any, NULL));
}

static void report(void)
{
    evidence_size = sizeof evidence;
    check(olos_evidence(data, evidence, &evidence_size));
}

static void seal(void)
{
    sealed_size = sizeof sealed;
    check(olos_seal(OLOS_KEY_OF_MEASUREMENT, data, SIZE, NULL, 0, sealed, &sealed_size));
}

static void unseal(void)
{
    size_t size = SIZE;
    check(olos_unseal(sealed, sealed_size, NULL, 0, data, &size));
}

/* What is done before, once: that also makes the keys of the TEE, and touches all memory. */
static const struct {
    const char *name;
    void (*before)(void), (*run)(void);
    int times;
} works[] = {
    {"p256", p256, p256, TIMES},       {"p384", p384, p384, TIMES}, {"verify", p256, verify, TIMES},
    {"evidence", report, report, TIMES}, {"seal", seal, seal, 1},     {"unseal", seal, unseal, 1},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof works / sizeof *works; i++)
        if (strcmp(argv[1], works[i].name) == 0) {
            memset(data, 1, sizeof data);
            works[i].before();
            double begin = now();
            for (int j = 0; j < works[i].times; j++)
                works[i].run();
            printf("%.6f\n", now() - begin);
            return 0;
        }
    return 2;
}
