/*
 * cpio.c: walks a cpio archive in newc format (cpio(5)): how a loader that passes one module passes several.
 */
#include "arch/x86_64/loader.h"

#define NEWC_MAGIC "070701"
#define TRAILER "TRAILER!!!"
#define NEWC_FIELDS 13
enum { FIELD_SIZE = 6, FIELD_NAME_SIZE = 11 };

struct newc_header {
    char magic[6];
    char field[NEWC_FIELDS][8]; /* hexadecimal digits */
};

static bool
read_hex(const char digits[8], uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 8; i++) {
        char c = digits[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)((c | 0x20) - 'a' + 10);
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

bool
cpio_is_archive(const void *archive, size_t bytes)
{
    return bytes >= sizeof(struct newc_header) && memcmp(archive, NEWC_MAGIC, 6) == 0;
}

bool
cpio_next(const void *archive, size_t bytes, size_t *offset, struct cpio_member *m)
{
    const uint8_t *base = archive;
    const struct newc_header *h;
    uint32_t name_size, size;
    size_t name_at, data_at;

    if (*offset > bytes || !cpio_is_archive(base + *offset, bytes - *offset))
        return false;
    h = (const struct newc_header *)(base + *offset);
    if (!read_hex(h->field[FIELD_SIZE], &size) || !read_hex(h->field[FIELD_NAME_SIZE], &name_size))
        return false;
    name_at = *offset + sizeof(*h);
    data_at = (name_at + name_size + 3) & ~3ull;
    if (name_size == 0 || data_at > bytes || size > bytes - data_at || base[name_at + name_size - 1] != 0)
        return false;
    m->name = (const char *)base + name_at;
    m->offset = data_at;
    m->bytes = size;
    *offset = (data_at + size + 3) & ~3ull;
    return strcmp(m->name, TRAILER) != 0;
}
