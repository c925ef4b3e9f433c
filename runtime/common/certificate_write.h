/* Writing certificates. mbedtls 2.28 puts a NULL behind the names of ECDSA algorithms, which RFC 5758 section 3.2
   forbids and strict readers refuse; so the outermost parts are written here. */
#pragma once

#include <mbedtls/x509_crt.h>
#include <stddef.h>
#include <stdint.h>

/* As mbedtls_x509write_crt_der, for keys on curves and SHA-256 or SHA-384; but the certificate begins at `der`.
   Returns 0 with its size, or -EIO. */
int certificate_write(mbedtls_x509write_cert *writer, uint8_t *der, size_t room, size_t *size);
