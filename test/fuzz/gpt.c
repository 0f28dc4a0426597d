/*
 * gpt.c: the partition reader under libFuzzer: what it lists lies on the disk and does not overlap. Checksums are put right, so that it gets
 * beyond them.
 */
#include <assert.h>
#include <string.h>

#include "dev/crc32.h"
#include "dev/gpt.h"

#define BLOCKS 256
#define BLOCK_BYTES 512
#define PARTITIONS 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t disk[BLOCKS * BLOCK_BYTES];

static bool
read_block(void *arg, uint64_t block, void *buf)
{
    (void)arg;
    if (block >= BLOCKS)
        return false;
    memcpy(buf, disk + block * BLOCK_BYTES, BLOCK_BYTES);
    return true;
}

/* UEFI 2.10, 5.3.2: header at block 1, its checksum at 16 counted as zero, that of the entries at 88. */
static void
put_right(uint8_t *header)
{
    uint32_t zero = 0, crc, size, count, each;
    uint64_t entries;

    memcpy(header, "EFI PART", 8);
    memcpy(&size, header + 12, sizeof(size));
    memcpy(&entries, header + 72, sizeof(entries));
    memcpy(&count, header + 80, sizeof(count));
    memcpy(&each, header + 84, sizeof(each));
    if (entries < BLOCKS && count <= PARTITIONS && each <= BLOCK_BYTES && entries * BLOCK_BYTES + (uint64_t)count * each <= sizeof(disk)) {
        crc = ~crc32_add(~0u, disk + entries * BLOCK_BYTES, (size_t)count * each);
        memcpy(header + 88, &crc, sizeof(crc));
    }
    memcpy(header + 16, &zero, sizeof(zero));
    crc = ~crc32_add(~0u, header, size <= BLOCK_BYTES ? size : BLOCK_BYTES);
    memcpy(header + 16, &crc, sizeof(crc));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gpt_reader r = { read_block, NULL, BLOCKS };
    struct gpt_partition list[PARTITIONS];
    int n;

    memset(disk, 0, sizeof(disk));
    memcpy(disk + BLOCK_BYTES, data, size < sizeof(disk) - BLOCK_BYTES ? size : sizeof(disk) - BLOCK_BYTES);
    put_right(disk + BLOCK_BYTES);
    n = gpt_read(&r, list, PARTITIONS);
    assert(n >= -1 && n <= PARTITIONS);
    for (int i = 0; i < n; i++) {
        assert(list[i].count > 0 && list[i].first < BLOCKS && list[i].count <= BLOCKS - list[i].first);
        for (int k = 0; k < i; k++)
            assert(list[k].first + list[k].count <= list[i].first || list[i].first + list[i].count <= list[k].first);
    }
    return 0;
}
