/* gpt_image.h: a disk in memory with a GUID partition table, for tests to spoil. */
#ifndef FAKE_GPT_IMAGE_H
#define FAKE_GPT_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define IMAGE_BLOCKS 256
#define IMAGE_ENTRIES 128
#define IMAGE_BYTES (IMAGE_BLOCKS * 512)

struct gpt_image {
    uint8_t byte[IMAGE_BYTES];
    uint32_t entry_bytes;
};

static inline void
put(uint8_t *at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = v >> 8 * i;
}

static inline uint32_t
image_crc(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < n; i++)
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (((crc ^ p[i] >> b) & 1) ? 0xedb88320u : 0);
    return ~crc;
}

static inline void
image_header(struct gpt_image *g, uint64_t block, uint64_t other, uint64_t entries, uint32_t count)
{
    uint8_t *h = g->byte + block * 512;

    memset(h, 0, 512);
    memcpy(h, "EFI PART", 8);
    put(h + 8, 0x10000, 4);
    put(h + 12, 92, 4);
    put(h + 24, block, 8);
    put(h + 32, other, 8);
    put(h + 40, 40, 8);                     /* first usable */
    put(h + 48, IMAGE_BLOCKS - 41, 8);      /* last usable */
    put(h + 72, entries, 8);
    put(h + 80, count, 4);
    put(h + 84, g->entry_bytes, 4);
    put(h + 88, image_crc(g->byte + entries * 512, (size_t)count * g->entry_bytes), 4);
    put(h + 16, image_crc(h, 92), 4);
}

static inline void
image_partition(struct gpt_image *g, unsigned number, uint64_t first, uint64_t last)
{
    uint64_t tables[2] = { 2, IMAGE_BLOCKS - 33 };

    for (unsigned t = 0; t < 2; t++) {
        uint8_t *e = g->byte + tables[t] * 512 + (number - 1) * g->entry_bytes;

        memset(e, 0xa0 + number, 32);
        put(e + 32, first, 8);
        put(e + 40, last, 8);
    }
}

/* Makes both headers fit the entries. */
static inline void
image_seal(struct gpt_image *g, uint32_t count)
{
    image_header(g, 1, IMAGE_BLOCKS - 1, 2, count);
    image_header(g, IMAGE_BLOCKS - 1, 1, IMAGE_BLOCKS - 33, count);
}

static inline void
image_make(struct gpt_image *g)
{
    memset(g, 0, sizeof(*g));
    g->entry_bytes = 128;
    image_partition(g, 1, 40, 99);
    image_partition(g, 3, 100, 199);
    image_seal(g, IMAGE_ENTRIES);
}

static inline bool
image_read(void *arg, uint64_t block, void *buf)
{
    struct gpt_image *g = arg;

    if (block >= IMAGE_BLOCKS)
        return false;
    memcpy(buf, g->byte + block * 512, 512);
    return true;
}

#endif
