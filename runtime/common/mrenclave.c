#include "mrenclave.h"

#include <string.h>

#include "sha256.h"

/* Intel SDM vol. 3D, chapter 39: ECREATE, EADD and EEXTEND each append one record of 64 bytes to the hash;
   EEXTEND appends the 256 bytes that it covers as well. */
#define PAGE 4096
#define CHUNK 256
#define RECORD 64

enum { SECINFO_R = 1, SECINFO_X = 4, SECINFO_REG = 0x200 };

static const unsigned flags[OLOS_SECTIONS] = {
    [OLOS_KERNEL] = SECINFO_REG | SECINFO_R | SECINFO_X,
    [OLOS_CRT] = SECINFO_REG | SECINFO_R | SECINFO_X,
    [OLOS_ROOTFS] = SECINFO_REG | SECINFO_R,
    [OLOS_APP] = SECINFO_REG | SECINFO_R,
    [OLOS_POLICY] = SECINFO_REG | SECINFO_R,
};

static uint64_t pages(const struct olos_bytes *section)
{
    return (section->size + PAGE - 1) / PAGE;
}

static void ecreate(struct sha256 *hash, uint64_t size)
{
    uint8_t record[RECORD] = "ECREATE";
    put_le32(record + 8, 1); /* SSAFRAMESIZE in pages */
    put_le64(record + 12, size);
    sha256_update(hash, record, sizeof record);
}

static void add_page(struct sha256 *hash, uint64_t offset, unsigned page_flags, const uint8_t page[PAGE])
{
    uint8_t record[RECORD] = "EADD";
    put_le64(record + 8, offset);
    put_le64(record + 16, page_flags);
    sha256_update(hash, record, sizeof record);
    for (size_t at = 0; at < PAGE; at += CHUNK) {
        uint8_t extend[RECORD] = "EEXTEND";
        put_le64(extend + 8, offset + at);
        sha256_update(hash, extend, sizeof extend);
        sha256_update(hash, page + at, CHUNK);
    }
}

static void add_section(struct sha256 *hash, uint64_t offset, unsigned page_flags,
                        const struct olos_bytes *section)
{
    for (size_t at = 0; at < section->size; at += PAGE) {
        uint8_t page[PAGE] = {0};
        size_t part = section->size - at < PAGE ? section->size - at : PAGE;
        memcpy(page, section->data + at, part);
        add_page(hash, offset + at, page_flags, page);
    }
}

void olos_measurement(const struct olos_manifest *m, uint8_t measurement[32])
{
    struct sha256 hash;
    uint64_t count = 0, size = PAGE, offset = 0;
    for (unsigned i = 0; i < OLOS_SECTIONS; i++)
        count += pages(&m->sections[i]);
    while (size < count * PAGE)
        size *= 2;
    sha256_init(&hash);
    ecreate(&hash, size);
    for (unsigned i = 0; i < OLOS_SECTIONS; i++) {
        add_section(&hash, offset, flags[i], &m->sections[i]);
        offset += pages(&m->sections[i]) * PAGE;
    }
    sha256_final(&hash, measurement);
}
