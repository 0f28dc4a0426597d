/* slot_disk.c: see slot_disk.h. */
#include <stdio.h>
#include <string.h>

#include "test/fake/aegis/dev/slot_disk.h"
#include "dev/crc32.h"

struct slot_disk_image medium;

static void
log_add(uint64_t block, bool flush, const uint8_t *data)
{
    struct log_entry *e = &medium.log[medium.log_count++];

    assert_true(medium.log_count <= LOG_MAX);
    e->block = block;
    e->flush = flush;
    if (data)
        memcpy(e->data, data, AEG_BLOCK_SIZE);
}

static void
move(struct disk_request *r)
{
    uint8_t *at = medium.byte + r->block * AEG_BLOCK_SIZE;
    uint32_t left = r->bytes, start = r->start;

    r->status = medium.fail_after > 0 ? AEG_OK : medium.result;
    if (medium.fail_after > 0)
        medium.fail_after--;
    if (r->status != AEG_OK)
        return;
    if (r->op == AEG_BLOCK_FLUSH)
        log_add(0, true, NULL);
    if (r->op == DISK_ZERO) {
        memset(at, 0, r->bytes);
        for (uint32_t b = 0; b < r->bytes; b += AEG_BLOCK_SIZE)
            log_add(r->block + b / AEG_BLOCK_SIZE, false, at);
    }
    for (unsigned i = 0; i < r->frame_count; i++, start = 0) {
        uint32_t n = MIN(left, FRAME_SIZE - start);
        uint8_t *memory = (uint8_t *)frame_map(r->frame[i]) + start;

        assert_true(at + n <= medium.byte + sizeof(medium.byte));
        if (r->op == AEG_BLOCK_READ)
            memcpy(memory, at, n);
        else
            memcpy(at, memory, n);
        for (uint32_t b = 0; r->op == AEG_BLOCK_WRITE && b < n; b += AEG_BLOCK_SIZE)
            log_add((at - medium.byte + b) / AEG_BLOCK_SIZE, false, memory + b);
        at += n;
        left -= n;
    }
}

static enum disk_answer
take(struct disk *d, struct disk_request *r)
{
    (void)d;
    if (medium.answer == DISK_DONE)
        move(r);
    if (medium.answer == DISK_TAKEN) {
        assert_true(medium.waiting_count < ARRAY_SIZE(medium.waiting));
        medium.waiting[medium.waiting_count++] = r;
    }
    return medium.answer;
}

static void
look(struct disk *d)
{
    (void)d;
}

void
medium_finish_some(void)
{
    unsigned count = medium.waiting_count;

    medium.waiting_count = 0;
    for (unsigned i = 0; i < count; i++) {
        move(medium.waiting[i]);
        disk_done(medium.waiting[i]);
    }
    blockq_progress();
}

void
medium_finish(void)
{
    while (medium.waiting_count)
        medium_finish_some();
}

static const struct disk_ops ops = { take, look };

static void
put(uint8_t *at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = v >> 8 * i;
}

static void
entry(unsigned i, const uint8_t *type, uint64_t first, uint64_t count)
{
    uint8_t *e = medium.byte + 2 * AEG_BLOCK_SIZE + i * 128;

    memcpy(e, type, 16);
    put(e + 16, i + 1, 8);
    put(e + 32, first, 8);
    put(e + 40, first + count - 1, 8);
}

void
medium_format(bool with_table)
{
    static const uint8_t table[16] = AEG_SLOT_TABLE_GUID, other[16] = { 1 };
    uint8_t *h = medium.byte + AEG_BLOCK_SIZE;

    memset(&medium, 0, sizeof(medium));
    medium.answer = DISK_DONE;
    entry(0, other, DATA_FIRST, DATA_COUNT);
    entry(1, with_table ? table : other, TABLE_FIRST, 100);
    entry(2, other, 300, 160);
    memcpy(h, "EFI PART", 8);
    put(h + 8, 0x10000, 4);
    put(h + 12, 92, 4);
    put(h + 24, 1, 8);
    put(h + 32, DISK_BLOCKS - 1, 8);
    put(h + 40, 34, 8);
    put(h + 48, DISK_BLOCKS - 34, 8);
    put(h + 72, 2, 8);
    put(h + 80, 128, 4);
    put(h + 84, 128, 4);
    put(h + 88, (uint32_t)~crc32_add(~0u, medium.byte + 2 * AEG_BLOCK_SIZE, 128 * 128), 4);
    put(h + 16, (uint32_t)~crc32_add(~0u, h, 92), 4);
}

struct disk *
medium_boot(void)
{
    struct disk *d;

    fake_boot_again();
    disk_init();
    slot_init();
    blockq_init();
    medium.answer = DISK_DONE;
    medium.waiting_count = 0;
    d = disk_add(&ops, NULL, "fake", "vda", DISK_BLOCKS);
    slot_scan(d);
    return d;
}

struct disk *
medium_make(bool with_table)
{
    medium_format(with_table);
    return medium_boot();
}

const struct aeg_slot_info *
medium_partition(const struct disk *d, unsigned i)
{
    const struct aeg_slot_info *s = (const struct aeg_slot_info *)(uintptr_t)info->slots.address;

    for (uint32_t n = 0; n < info->slots.count; n++)
        if (s[n].id != 0 && s[n].disk == d->index && !(s[n].flags & AEG_SLOT_CARVED) && i-- == 0)
            return &s[n];
    return NULL;
}

const struct aeg_slot_info *
medium_slot(const struct disk *d, unsigned number)
{
    const struct aeg_slot_info *s = (const struct aeg_slot_info *)(uintptr_t)info->slots.address;
    char name[40];

    snprintf(name, sizeof(name), "%ss%u", d->info->name, number);
    for (uint32_t n = 0; n < info->slots.count; n++)
        if (s[n].id != 0 && strcmp(s[n].name, name) == 0)
            return &s[n];
    return NULL;
}
