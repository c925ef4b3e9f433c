#include "sha256.h"

#include <stdatomic.h>
#include <string.h>

#include "sha256_avx2.h"
#include "sha256_constants.h"
#include "sha256_ni.h"

/* So that numbers of rounds are constants, and the words of the state lie in registers. */
#define INLINE static inline __attribute__((always_inline))

_Alignas(16) const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

const uint32_t sha256_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t load_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_be32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

INLINE uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* Word t of the message schedule, in a ring of the last 16. */
INLINE uint32_t next_word(uint32_t w[16], unsigned t)
{
    uint32_t a = w[(t + 1) % 16], b = w[(t + 14) % 16];
    return w[t % 16] += (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10) + w[(t + 9) % 16] +
                        (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3);
}

/* Round t. The words keep their places; which is called a … h moves by one each round. */
INLINE void one_round(uint32_t v[8], uint32_t w, unsigned t)
{
    uint32_t a = v[-t & 7], b = v[(1 - t) & 7], c = v[(2 - t) & 7], e = v[(4 - t) & 7];
    uint32_t *h = &v[(7 - t) & 7];
    *h += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & v[(5 - t) & 7]) ^ (~e & v[(6 - t) & 7])) +
          sha256_k[t] + w;
    v[(3 - t) & 7] += *h;
    *h += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

/* FIPS 180-4 section 6.2.2. */
static void compress_plain(uint32_t state[8], const uint8_t *data, size_t count)
{
    for (; count; count--, data += 64) {
        uint32_t w[16], v[8];
        memcpy(v, state, sizeof v);
#pragma GCC unroll 16
        for (unsigned t = 0; t < 16; t++)
            one_round(v, w[t] = load_be32(data + 4 * t), t);
        for (unsigned start = 16; start < 64; start += 16)
#pragma GCC unroll 16
            for (unsigned t = 0; t < 16; t++)
                one_round(v, next_word(w, t), start + t);
        for (unsigned i = 0; i < 8; i++)
            state[i] += v[i];
    }
}

bool sha256_available(enum sha256_way way)
{
    switch (way) {
    case SHA256_NI: return sha256_ni_available();
    case SHA256_AVX2: return sha256_avx2_available();
    default: return true;
    }
}

/* The best way of this processor: asked once (the answer never changes, so a race does no harm). */
static enum sha256_way best_way(void)
{
    static atomic_int known; /* 0 not asked, else 1 more than the way */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (!answer) {
        enum sha256_way way = SHA256_NI;
        while (!sha256_available(way))
            way++;
        answer = (int)way + 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return (enum sha256_way)(answer - 1);
}

static void compress(uint32_t state[8], const uint8_t *data, size_t count)
{
    (best_way() == SHA256_NI ? sha256_ni_compress : compress_plain)(state, data, count);
}

void sha256_init(struct sha256 *s)
{
    memcpy(s->state, sha256_initial, sizeof s->state);
    s->length = 0;
}

void sha256_update(struct sha256 *s, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t held = s->length % 64;
    if (!size)
        return; /* then data may be NULL */
    s->length += size;
    if (held) {
        size_t part = size < 64 - held ? size : 64 - held;
        memcpy(s->buffer + held, bytes, part);
        bytes += part;
        size -= part;
        if (held + part < 64)
            return;
        compress(s->state, s->buffer, 1);
    }
    if (size >= 64)
        compress(s->state, bytes, size / 64);
    if (size % 64)
        memcpy(s->buffer, bytes + size / 64 * 64, size % 64);
}

void sha256_final(struct sha256 *s, uint8_t digest[SHA256_SIZE])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->length * 8;
    uint8_t length[8];
    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    sha256_update(s, padding, 1 + (119 - s->length % 64) % 64);
    sha256_update(s, length, sizeof length);
    for (unsigned i = 0; i < 8; i++)
        store_be32(digest + 4 * i, s->state[i]);
}

void sha256(const void *data, size_t size, uint8_t digest[SHA256_SIZE])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_update(&s, data, size);
    sha256_final(&s, digest);
}

static void block_plain(const uint8_t *data, uint8_t *digest)
{
    static const uint8_t padding[64] = {[0] = 0x80, [62] = 0x80}; /* with the length, 32768 bits */
    uint32_t state[8];
    memcpy(state, sha256_initial, sizeof state);
    compress_plain(state, data, BLOCK_SIZE / 64);
    compress_plain(state, padding, 1);
    for (unsigned i = 0; i < 8; i++)
        store_be32(digest + 4 * i, state[i]);
}

void sha256_blocks_by(enum sha256_way way, const uint8_t *data, size_t count, uint8_t *digests)
{
    if (way == SHA256_NI) {
        sha256_ni_blocks(data, count, digests);
        return;
    }
    while (count) {
        /* Eight lanes take about as long as two blocks one after the other. */
        size_t lanes = way == SHA256_PLAIN || count < 3 ? 1 : count < SHA256_AVX2_LANES ? count : SHA256_AVX2_LANES;
        if (lanes == 1)
            block_plain(data, digests);
        else
            sha256_avx2_blocks(data, lanes, digests);
        count -= lanes;
        data += lanes * BLOCK_SIZE;
        digests += lanes * SHA256_SIZE;
    }
}

void sha256_blocks(const uint8_t *data, size_t count, uint8_t *digests)
{
    sha256_blocks_by(best_way(), data, count, digests);
}
