/* Feeds the simulated TEE of the target, and the verifier of init, with bytes from standard input.

     tee_probe answer DEBUG PRODUCT SVN MEASUREMENT SIGNER|-
       requests {u32 kind, u32 size, body} -> answers {i32 code, u32 size, body}
     tee_probe verify|certificate NOW
       {u32 count, {u32 size, root}…, {u32 size, evidence or certificate}…} -> {i32 code, struct olos_identity}… */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../runtime/common/attested.h"
#include "../../../runtime/common/evidence.h"
#include "../../../runtime/target/tee.h"

#define MAX_ROOTS 64

static _Bool take(void *data, size_t size)
{
    return size == 0 || fread(data, size, 1, stdin) == 1;
}

static void give(const void *data, size_t size)
{
    if (size && fwrite(data, size, 1, stdout) != 1)
        abort();
}

/* In memory of its own size, so that the checkers see what is read behind it. */
static uint8_t *take_bytes(uint32_t size)
{
    uint8_t *data = malloc(size);
    if (!take(data, size))
        abort();
    return data;
}

static int answer(char **words)
{
    struct olos_policy policy = {.debug = atoi(words[0]) != 0, .product_id = (uint16_t)atoi(words[1]),
                                 .security_version = (uint16_t)atoi(words[2])};
    uint8_t measurement[32], signer[32];
    uint32_t head[2];
    _Bool is_signed = unhex_sha256(words[4], signer) == 0;
    if (unhex_sha256(words[3], measurement))
        abort();
    tee_prepare(&policy, measurement, is_signed ? signer : NULL);
    while (take(head, sizeof head)) {
        uint8_t *body = take_bytes(head[1]), room[8192];
        size_t size = 99;
        int code = tee_answer(head[0], body, head[1], room, sizeof room, &size);
        int32_t number = code;
        uint32_t told = (uint32_t)size;
        give(&number, sizeof number);
        give(&told, sizeof told);
        give(room, size);
        fflush(stdout);
        free(body);
    }
    return 0;
}

typedef int verifier(const uint8_t *data, size_t size, const struct evidence_roots *roots, int64_t now,
                     struct olos_identity *identity);

static int verify(verifier *verifier, const char *now)
{
    struct evidence_certificate items[MAX_ROOTS];
    struct evidence_roots roots = {0, items};
    uint32_t count, size;
    if (!take(&count, sizeof count) || count > MAX_ROOTS)
        abort();
    for (; roots.count < count; roots.count++) {
        if (!take(&size, sizeof size))
            abort();
        items[roots.count] = (struct evidence_certificate){take_bytes(size), size};
    }
    while (take(&size, sizeof size)) {
        struct olos_identity identity;
        uint8_t *evidence = take_bytes(size);
        int32_t code = verifier(evidence, size, &roots, atoll(now), &identity);
        give(&code, sizeof code);
        give(&identity, sizeof identity);
        free(evidence);
    }
    for (size_t i = 0; i < roots.count; i++)
        free((void *)items[i].data);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "answer") == 0)
        return answer(argv + 2);
    if (argc == 3 && strcmp(argv[1], "certificate") == 0)
        return verify(attested_verify, argv[2]);
    return argc == 3 && strcmp(argv[1], "verify") == 0 ? verify(evidence_verify, argv[2]) : 2;
}
