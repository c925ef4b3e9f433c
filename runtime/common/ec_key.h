/* Keys on the curves P-256 and P-384 (RFC 5480), and the fixed forms in which they are handed on. */
#pragma once

#include <mbedtls/pk.h>
#include <stddef.h>
#include <stdint.h>

#define EC_KEY_MAX_PUBLIC 120  /* SubjectPublicKeyInfo */
#define EC_KEY_MAX_PRIVATE 185 /* PrivateKeyInfo */
#define EC_KEY_MAX_DIGEST 48

/* Make a key; `curve` is 256 or 384. Returns 0 or a negative errno (-EINVAL: another curve). Either way
   mbedtls_pk_free releases it. */
int ec_key_generate(mbedtls_pk_context *key, uint32_t curve);

/* The digest that stands for a key in report data: of its SubjectPublicKeyInfo, SHA-256 or SHA-384 as the size of the
   curve, zeros behind it. Returns 0, or -EBADMSG for another kind of key. */
int ec_key_digest(const mbedtls_pk_context *key, const uint8_t *info, size_t size, uint8_t digest[EC_KEY_MAX_DIGEST]);

/* SubjectPublicKeyInfo in DER. Returns its size, or a negative errno. */
int ec_key_public(const mbedtls_pk_context *key, uint8_t info[EC_KEY_MAX_PUBLIC]);

/* PKCS #8 (RFC 5958) with the public key, in DER. Returns its size, or a negative errno. */
int ec_key_private(const mbedtls_pk_context *key, uint8_t info[EC_KEY_MAX_PRIVATE]);
