/* HKDF with SHA-256 (RFC 5869), for keys of 32 bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HKDF_KEY 32

/* Derive a key from a key. Returns 0 or -EIO. */
int hkdf(const uint8_t key[HKDF_KEY], const uint8_t *salt, size_t salt_size, const char *info, uint8_t derived[HKDF_KEY]);
