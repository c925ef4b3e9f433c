/* One stream is bound by the latency of SHA256RNDS2; three independent streams, interleaved, fill the gaps.
   The instructions have the legacy SSE encoding only, so this file must not be compiled with -mavx: a
   switch between the encodings costs more than everything else. */
#include "sha256_ni.h"

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#include "sha256_constants.h"

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline)) TARGET

bool sha256_ni_available(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* The state as the instructions want it: words a b e f and c d g h, high to low. */
struct lane {
    __m128i abef, cdgh;
    __m128i w[4]; /* a ring of the last 16 words of the message schedule */
};

INLINE void load_state(struct lane *l, const uint32_t state[8])
{
    __m128i dcba = _mm_loadu_si128((const __m128i *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    l->abef = _mm_alignr_epi8(cdab, efgh, 8);
    l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

INLINE void store_state(const struct lane *l, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b), dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

INLINE __m128i big_endian(__m128i words)
{
    return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

/* Step `i` of 16: four rounds with words 4i … 4i+3; in steps 3 to 14 the words of step i+1 are finished,
   in steps 1 to 12 those of step i+3 are begun. `i` is a constant, so all conditions vanish. */
INLINE void step(struct lane *l, const uint8_t *chunk, int i)
{
    __m128i *w = l->w;
    if (i < 4)
        w[i] = big_endian(_mm_loadu_si128((const __m128i *)(chunk + 16 * i)));
    __m128i sum = _mm_add_epi32(w[i % 4], _mm_load_si128((const __m128i *)(sha256_k + 4 * i)));
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
    if (i >= 3 && i < 15) {
        __m128i *next = &w[(i + 1) % 4];
        *next = _mm_add_epi32(*next, _mm_alignr_epi8(w[i % 4], w[(i + 3) % 4], 4));
        *next = _mm_sha256msg2_epu32(*next, w[i % 4]);
    }
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0e));
    if (i >= 1 && i < 13)
        w[(i + 3) % 4] = _mm_sha256msg1_epu32(w[(i + 3) % 4], w[i % 4]);
}

#define STEPS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

TARGET void sha256_ni_compress(uint32_t state[8], const uint8_t *data, size_t count)
{
    struct lane l;
    load_state(&l, state);
    for (; count; count--, data += 64) {
        __m128i abef = l.abef, cdgh = l.cdgh;
#define ONE(i) step(&l, data, i);
        STEPS(ONE)
        l.abef = _mm_add_epi32(l.abef, abef);
        l.cdgh = _mm_add_epi32(l.cdgh, cdgh);
    }
    store_state(&l, state);
}

INLINE void store_digest(const struct lane *l, uint8_t *digest)
{
    uint32_t state[8];
    store_state(l, state);
    for (int half = 0; half < 2; half++) {
        __m128i words = _mm_loadu_si128((const __m128i *)(state + 4 * half));
        _mm_storeu_si128((__m128i *)(digest + 16 * half), big_endian(words));
    }
}

/* What follows the 4096 bytes of every block: the padding with the length, 32768 bits. */
static const uint8_t padding[64] = {[0] = 0x80, [62] = 0x80};

TARGET static void blocks3(const uint8_t *data, uint8_t *digests)
{
    struct lane a, b, c;
    load_state(&a, sha256_initial);
    b = c = a;
    for (int chunk = 0; chunk <= BLOCK_SIZE / 64; chunk++) {
        bool last = chunk == BLOCK_SIZE / 64;
        const uint8_t *x = last ? padding : data + chunk * 64;
        const uint8_t *y = last ? padding : x + BLOCK_SIZE, *z = last ? padding : y + BLOCK_SIZE;
        struct lane a0 = a, b0 = b, c0 = c;
        _mm_prefetch((const char *)x + 3 * BLOCK_SIZE, _MM_HINT_T0);
        _mm_prefetch((const char *)y + 3 * BLOCK_SIZE, _MM_HINT_T0);
        _mm_prefetch((const char *)z + 3 * BLOCK_SIZE, _MM_HINT_T0);
#define THREE(i) step(&a, x, i), step(&b, y, i), step(&c, z, i);
        STEPS(THREE)
        a.abef = _mm_add_epi32(a.abef, a0.abef), a.cdgh = _mm_add_epi32(a.cdgh, a0.cdgh);
        b.abef = _mm_add_epi32(b.abef, b0.abef), b.cdgh = _mm_add_epi32(b.cdgh, b0.cdgh);
        c.abef = _mm_add_epi32(c.abef, c0.abef), c.cdgh = _mm_add_epi32(c.cdgh, c0.cdgh);
    }
    store_digest(&a, digests);
    store_digest(&b, digests + SHA256_SIZE);
    store_digest(&c, digests + 2 * SHA256_SIZE);
}

TARGET static void block1(const uint8_t *data, uint8_t *digest)
{
    struct lane l;
    uint32_t state[8];
    memcpy(state, sha256_initial, sizeof state);
    sha256_ni_compress(state, data, BLOCK_SIZE / 64);
    sha256_ni_compress(state, padding, 1);
    load_state(&l, state);
    store_digest(&l, digest);
}

void sha256_ni_blocks(const uint8_t *data, size_t count, uint8_t *digests)
{
    for (; count >= 3; count -= 3, data += 3 * BLOCK_SIZE, digests += 3 * SHA256_SIZE)
        blocks3(data, digests);
    for (; count; count--, data += BLOCK_SIZE, digests += SHA256_SIZE)
        block1(data, digests);
}
