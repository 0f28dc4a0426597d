/*
 * gpt.c: the GUID partition table (UEFI 2.10, chapter 5.3): header, checksums, entries, and the backup at the end of the disk.
 *
 * Needs only a way to read a block. Nothing on the disk is believed before it is checked.
 */
#include "dev/gpt.h"
#include "aegis/block.h"
#include "dev/crc32.h"
#include "dev/limits.h"

#define GPT_SIGNATURE 0x5452415020494645ull     /* "EFI PART" */
#define GPT_HEADER_MIN 92
#define GPT_ENTRY_MIN 128
#define GPT_ENTRIES_COUNT_MAX 1024              /* more than this is corruption */

struct gpt_header {
    uint64_t signature;
    uint32_t revision, header_bytes, header_crc, reserved;
    uint64_t my_block, other_block, first_usable, last_usable;
    uint8_t disk_guid[16];
    uint64_t entries_block;
    uint32_t entry_count, entry_bytes, entries_crc;
} __attribute__((packed));
static_assert(sizeof(struct gpt_header) == GPT_HEADER_MIN, "UEFI 5.3.2");

struct gpt_entry {
    uint8_t type[16], guid[16];
    uint64_t first, last, attributes;
} __attribute__((packed));

static bool
header_valid(const struct gpt_reader *r, uint64_t block, uint8_t *buf, struct gpt_header *h)
{
    uint32_t crc, zero = 0;

    memcpy(h, buf, sizeof(*h));
    if (h->signature != GPT_SIGNATURE || h->header_bytes < GPT_HEADER_MIN || h->header_bytes > AEG_BLOCK_SIZE)
        return false;
    memcpy(buf + offsetof(struct gpt_header, header_crc), &zero, sizeof(zero));
    crc = ~crc32_add(~0u, buf, h->header_bytes);
    if (crc != h->header_crc || h->my_block != block)
        return false;
    if (h->entry_bytes < GPT_ENTRY_MIN || h->entry_bytes > AEG_BLOCK_SIZE || (h->entry_bytes & (h->entry_bytes - 1)))
        return false;
    if (h->entry_count > GPT_ENTRIES_COUNT_MAX || h->first_usable > h->last_usable || h->last_usable >= r->blocks)
        return false;
    return h->entries_block < r->blocks;
}

static bool
entry_usable(const struct gpt_header *h, const struct gpt_entry *e, const struct gpt_partition *list, int count)
{
    static const uint8_t none[16];

    if (memcmp(e->type, none, sizeof(none)) == 0)
        return false;
    if (e->first > e->last || e->first < h->first_usable || e->last > h->last_usable)
        return false;
    for (int i = 0; i < count; i++)
        if (e->first < list[i].first + list[i].count && list[i].first <= e->last)
            return false;
    return true;
}

/* Reads the entries behind a valid header, checking their sum on the way. -1: a read failed or the sum is wrong. */
static int
entries_read(const struct gpt_reader *r, const struct gpt_header *h, struct gpt_partition *list, int max)
{
    uint32_t per_block = AEG_BLOCK_SIZE / h->entry_bytes;
    uint32_t crc = ~0u;
    uint8_t buf[AEG_BLOCK_SIZE];
    int count = 0;

    for (uint32_t i = 0; i < h->entry_count; i++) {
        struct gpt_entry e;
        uint8_t *at = buf + i % per_block * h->entry_bytes;

        if (i % per_block == 0 && !r->read(r->arg, h->entries_block + i / per_block, buf))
            return -1;
        crc = crc32_add(crc, at, h->entry_bytes);
        memcpy(&e, at, sizeof(e));
        if (i >= GPT_ENTRY_MAX || count == max || !entry_usable(h, &e, list, count))
            continue;
        list[count].number = i + 1;
        list[count].first = e.first;
        list[count].count = e.last - e.first + 1;
        memcpy(list[count].type, e.type, sizeof(e.type));
        count++;
    }
    return ~crc == h->entries_crc ? count : -1;
}

static int
table_read(const struct gpt_reader *r, uint64_t block, struct gpt_partition *list, int max)
{
    uint8_t buf[AEG_BLOCK_SIZE];
    struct gpt_header h;

    if (!r->read(r->arg, block, buf) || !header_valid(r, block, buf, &h))
        return -1;
    return entries_read(r, &h, list, max);
}

int
gpt_read(const struct gpt_reader *r, struct gpt_partition *list, int max)
{
    int count;

    if (r->blocks < 3)
        return -1;
    count = table_read(r, 1, list, max);
    return count >= 0 ? count : table_read(r, r->blocks - 1, list, max);
}
