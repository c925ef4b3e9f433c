#include "certificate.h"

#include <errno.h>
#include <string.h>

/* Days since 1970-01-01 of a day of the Gregorian calendar. Years are counted from March on, so that the leap day is
   the last of its year. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
    if (month < 3)
        year--;
    int64_t shifted = (month + 9) % 12;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 + day - 1 - 719468;
}

int64_t certificate_seconds(const mbedtls_x509_time *time)
{
    return days(time->year, time->mon, time->day) * 86400 + time->hour * 3600 + time->min * 60 + time->sec;
}

int certificate_check_period(int64_t from, int64_t until, int64_t now)
{
    return now < from - CERTIFICATE_SKEW || now > until + CERTIFICATE_SKEW ? -EKEYEXPIRED : 0;
}

/* For each extension that mbedtls does not know. */
static int take_extension(void *context, const mbedtls_x509_crt *x509, const mbedtls_x509_buf *name, int critical,
                          const unsigned char *value, const unsigned char *end)
{
    struct certificate *certificate = context;
    (void)x509;
    (void)value;
    (void)end;
    bool is_mark = name->len == CERTIFICATE_MARK_SIZE && memcmp(name->p, CERTIFICATE_MARK, name->len) == 0;
    if (!is_mark)
        return critical ? -1 : 0;
    if (certificate->marked)
        return -1;
    certificate->marked = critical;
    return 0;
}

int certificate_parse(struct certificate *certificate, const uint8_t *data, size_t size)
{
    certificate->marked = false;
    mbedtls_x509_crt_init(&certificate->x509);
    if (mbedtls_x509_crt_parse_der_with_ext_cb(&certificate->x509, data, size, 0, take_extension, certificate) ||
        certificate->x509.raw.len != size || certificate->x509.version != 3)
        return -EBADMSG;
    return 0;
}

void certificate_free(struct certificate *certificate)
{
    mbedtls_x509_crt_free(&certificate->x509);
}

bool certificate_is_signed_by(const struct certificate *certificate, const mbedtls_x509_crt *issuer)
{
    const mbedtls_x509_crt *x509 = &certificate->x509;
    const mbedtls_md_info_t *kind = mbedtls_md_info_from_type(x509->sig_md);
    unsigned char digest[MBEDTLS_MD_MAX_SIZE];
    mbedtls_pk_context key = issuer->pk; /* verifying takes one that is not const */
    return kind && mbedtls_pk_can_do(&key, x509->sig_pk) &&
           mbedtls_md(kind, x509->tbs.p, x509->tbs.len, digest) == 0 &&
           mbedtls_pk_verify_ext(x509->sig_pk, x509->sig_opts, &key, x509->sig_md, digest,
                                 mbedtls_md_get_size(kind), x509->sig.p, x509->sig.len) == 0;
}
