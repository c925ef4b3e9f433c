/* Eight independent blocks side by side: vector t of the message schedule holds word t of each of them, and so
   FIPS 180-4 section 6.2.2 can be followed as it stands there, with a vector for each word. */
#include "sha256_avx2.h"

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#include "sha256_constants.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#define LANES SHA256_AVX2_LANES

/* Whether the operating system keeps the wide registers (XCR0: SSE and AVX state, Intel SDM vol. 1
   section 14.3). */
static bool registers_are_kept(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

bool sha256_avx2_available(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX) || !registers_are_kept())
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

INLINE __m256i add(__m256i x, __m256i y)
{
    return _mm256_add_epi32(x, y);
}

INLINE __m256i rotate(__m256i x, int n)
{
    return _mm256_or_si256(_mm256_srli_epi32(x, n), _mm256_slli_epi32(x, 32 - n));
}

INLINE __m256i xor3(__m256i x, __m256i y, __m256i z)
{
    return _mm256_xor_si256(_mm256_xor_si256(x, y), z);
}

/* Turn rows (eight words of one lane) into columns (one word of eight lanes). */
INLINE void transpose(__m256i r[8])
{
    __m256i pairs[8], quads[8];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        quads[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        quads[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        quads[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        quads[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x20);
        r[i + 4] = _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x31);
    }
}

INLINE __m256i big_endian(__m256i words)
{
    return _mm256_shuffle_epi8(words, _mm256_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203,
                                                        0x0c0d0e0f08090a0b, 0x0405060700010203));
}

/* The words of the next 64 bytes of each lane. */
INLINE void load_words(__m256i w[16], const uint8_t *const lane[LANES], size_t at)
{
    for (int half = 0; half < 2; half++) {
        __m256i *rows = w + 8 * half;
        for (int i = 0; i < LANES; i++)
            rows[i] = big_endian(_mm256_loadu_si256((const __m256i *)(lane[i] + at + 32 * (size_t)half)));
        transpose(rows);
    }
}

/* Word t of the schedule, in a ring of the last 16. */
INLINE __m256i next_word(__m256i w[16], int t)
{
    __m256i a = w[(t + 1) % 16], b = w[(t + 14) % 16];
    __m256i s0 = xor3(rotate(a, 7), rotate(a, 18), _mm256_srli_epi32(a, 3));
    __m256i s1 = xor3(rotate(b, 17), rotate(b, 19), _mm256_srli_epi32(b, 10));
    return w[t % 16] = add(add(s1, w[(t + 9) % 16]), add(s0, w[t % 16]));
}

/* Round t. The words keep their places; which is called a … h moves by one each round. */
INLINE void one_round(__m256i v[8], __m256i w, int t)
{
    __m256i a = v[-t & 7], b = v[(1 - t) & 7], c = v[(2 - t) & 7], e = v[(4 - t) & 7];
    __m256i *d = &v[(3 - t) & 7], *h = &v[(7 - t) & 7];
    __m256i choice = _mm256_xor_si256(_mm256_and_si256(e, v[(5 - t) & 7]), _mm256_andnot_si256(e, v[(6 - t) & 7]));
    __m256i majority = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(_mm256_or_si256(a, b), c));
    __m256i t1 = add(add(*h, add(w, _mm256_set1_epi32((int)sha256_k[t]))),
                     add(choice, xor3(rotate(e, 6), rotate(e, 11), rotate(e, 25))));
    *d = add(*d, t1);
    *h = add(t1, add(majority, xor3(rotate(a, 2), rotate(a, 13), rotate(a, 22))));
}

INLINE void compress(__m256i state[8], __m256i w[16])
{
    __m256i v[8];
    memcpy(v, state, sizeof v);
#pragma GCC unroll 16
    for (int t = 0; t < 16; t++)
        one_round(v, w[t], t);
    for (int start = 16; start < 64; start += 16)
#pragma GCC unroll 16
        for (int t = 0; t < 16; t++)
            one_round(v, next_word(w, t), start + t);
    for (int i = 0; i < 8; i++)
        state[i] = add(state[i], v[i]);
}

/* The padding behind the 4096 bytes of every block, with their length in bits. */
INLINE void padding_words(__m256i w[16])
{
    for (int i = 1; i < 15; i++)
        w[i] = _mm256_setzero_si256();
    w[0] = _mm256_set1_epi32((int)0x80000000);
    w[15] = _mm256_set1_epi32(8 * BLOCK_SIZE);
}

TARGET void sha256_avx2_blocks(const uint8_t *data, size_t count, uint8_t *digests)
{
    const uint8_t *lane[LANES];
    __m256i state[8], w[16];
    for (size_t i = 0; i < LANES; i++) /* lanes to spare do the first block again */
        lane[i] = data + (i < count ? i : 0) * BLOCK_SIZE;
    for (int i = 0; i < 8; i++)
        state[i] = _mm256_set1_epi32((int)sha256_initial[i]);
    for (size_t at = 0; at < BLOCK_SIZE; at += 64) {
        load_words(w, lane, at);
        compress(state, w);
    }
    padding_words(w);
    compress(state, w);
    transpose(state);
    for (size_t i = 0; i < count; i++)
        _mm256_storeu_si256((__m256i *)(digests + i * SHA256_SIZE), big_endian(state[i]));
}
