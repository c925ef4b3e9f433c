/* Certificates as RFC 5758 has them: mbedtls writes a NULL into the algorithm identifiers of ECDSA, which must not be
   there, and which some readers refuse. */
#pragma once

#include <mbedtls/x509_crt.h>
#include <stddef.h>
#include <stdint.h>

/* Write a certificate that is filled in, and sign it with the issuer's key, of the curve P-256 (then with SHA-256) or
   P-384 (SHA-384). Returns 0 with its size, or -EIO. */
int certificate_issue(mbedtls_x509write_cert *writer, mbedtls_pk_context *issuer, mbedtls_md_type_t digest,
                      uint8_t *certificate, size_t room, size_t *size);
