/* crc.c: the checksums of ext4: crc32c (Castagnoli, reflected) of everything newer, crc16 (ANSI, reflected) of group descriptors. */
#include "fs/ext4.h"

static uint32_t table32[8][256];
static uint16_t table16[256];

static void
make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        uint16_t s = (uint16_t)i;

        for (int bit = 0; bit < 8; bit++) {
            c = (c >> 1) ^ ((c & 1) ? 0x82f63b78u : 0);
            s = (uint16_t)((s >> 1) ^ ((s & 1) ? 0xa001 : 0));
        }
        table32[0][i] = c;
        table16[i] = s;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            table32[k][i] = (table32[k - 1][i] >> 8) ^ table32[0][table32[k - 1][i] & 0xff];
    }
}

uint32_t
crc32c(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;

    if (table32[0][1] == 0)
        make_tables();
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;

        memcpy(&v, p, 8);
        v ^= crc;
        crc = table32[7][v & 0xff] ^ table32[6][(v >> 8) & 0xff] ^ table32[5][(v >> 16) & 0xff] ^ table32[4][(v >> 24) & 0xff] ^
              table32[3][(v >> 32) & 0xff] ^ table32[2][(v >> 40) & 0xff] ^ table32[1][(v >> 48) & 0xff] ^ table32[0][v >> 56];
    }
    while (n-- > 0)
        crc = (crc >> 8) ^ table32[0][(crc ^ *p++) & 0xff];
    return crc;
}

uint16_t
crc16(uint16_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;

    if (table16[1] == 0)
        make_tables();
    while (n-- > 0)
        crc = (uint16_t)((crc >> 8) ^ table16[(crc ^ *p++) & 0xff]);
    return crc;
}
