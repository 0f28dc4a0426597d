/*
 * slot_table.c: the slot table as bytes: sealing a copy, judging one, choosing between two.
 *
 * Nothing on the disk is believed before it is checked: a table that passes here can be used without another look.
 */
#include "dev/slot_table.h"
#include "dev/crc32.h"

#define COMPONENT_FRESH_BITS 0x8000800080008000ull

bool
slot_guard_named(struct aeg_name name)
{
    return ((name.hi | name.lo) & COMPONENT_FRESH_BITS) == 0;
}

static unsigned
name_length(struct aeg_name name)
{
    unsigned length = AEG_NAME_COMPONENTS;

    while (length > 0 && ((length > 4 ? name.lo : name.hi) >> (16 * ((8 - length) & 3)) & 0xffff) == 0)
        length--;
    return length;
}

bool
slot_guard_below(struct aeg_name name, struct aeg_name old)
{
    unsigned length = name_length(old);
    uint64_t hi = length >= 4 ? ~0ull : ~(~0ull >> 16 * length);
    uint64_t lo = length <= 4 ? 0 : length >= 8 ? ~0ull : ~(~0ull >> 16 * (length - 4));

    if (length == 0)
        return name.hi == 0 && name.lo == 0;    /* what was root's alone is not everybody's */
    return (((name.hi ^ old.hi) & hi) | ((name.lo ^ old.lo) & lo)) == 0;
}

static uint32_t
table_crc(const struct slot_table *t)
{
    static const uint32_t zero;
    uint32_t crc = crc32_add(~0u, t, offsetof(struct slot_table, crc));

    crc = crc32_add(crc, &zero, sizeof(zero));
    return ~crc32_add(crc, &t->sequence, offsetof(struct slot_table, record) - offsetof(struct slot_table, sequence) +
                                             t->count * sizeof(struct slot_record));
}

uint32_t
slot_table_seal(struct slot_table *t, uint64_t home, uint64_t sequence)
{
    uint32_t bytes;

    t->count = SLOT_RECORDS;
    while (t->count > 0 && t->record[t->count - 1].generation == 0)
        t->count--;
    t->magic = SLOT_TABLE_MAGIC;
    t->version = SLOT_TABLE_VERSION;
    t->home = home;
    t->sequence = sequence;
    t->crc = table_crc(t);
    bytes = offsetof(struct slot_table, record) + t->count * sizeof(struct slot_record);
    return (bytes + AEG_BLOCK_SIZE - 1) / AEG_BLOCK_SIZE * AEG_BLOCK_SIZE;
}

/* Does record r lie in its parent, and does the line of its parents end at a partition? */
static bool
record_placed(const struct slot_table *t, const struct slot_record *r, const struct slot_extent *partition, uint32_t partition_count)
{
    for (uint32_t depth = 0; r->parent != 0; depth++) {
        const struct slot_record *parent;

        if (depth == SLOT_RECORDS || r->parent > t->count)
            return false;
        parent = &t->record[r->parent - 1];
        if (parent->count == 0 || (parent->flags & SLOT_RECORD_DIRTY) || !extent_inside(r->first, r->count, parent->first, parent->count))
            return false;
        r = parent;
    }
    for (uint32_t i = 0; i < partition_count; i++)
        if (extent_inside(r->first, r->count, partition[i].first, partition[i].count))
            return true;
    return false;
}

static bool
record_valid(const struct slot_table *t, uint32_t i, const struct slot_extent *partition, uint32_t partition_count)
{
    const struct slot_record *r = &t->record[i];

    if (r->count == 0)
        return true;
    if (r->generation == 0 || (r->flags & ~SLOT_RECORD_DIRTY) || !slot_guard_named(r->guard))
        return false;
    for (uint32_t j = 0; j < i; j++) {
        const struct slot_record *other = &t->record[j];

        if (other->count != 0 && other->parent == r->parent && extents_overlap(r->first, r->count, other->first, other->count))
            return false;
    }
    return record_placed(t, r, partition, partition_count);
}

bool
slot_table_valid(const struct slot_table *t, uint64_t home, const struct slot_extent *partition, uint32_t partition_count)
{
    if (t->magic != SLOT_TABLE_MAGIC || t->version != SLOT_TABLE_VERSION || t->home != home || t->count > SLOT_RECORDS)
        return false;
    if (t->crc != table_crc(t))
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        if (!record_valid(t, i, partition, partition_count))
            return false;
    return true;
}

int
slot_table_choose(const struct slot_table *const copy[2], uint64_t home, const struct slot_extent *partition, uint32_t partition_count)
{
    bool valid[2];

    for (int i = 0; i < 2; i++)
        valid[i] = slot_table_valid(copy[i], home, partition, partition_count);
    if (valid[0] && valid[1])
        return copy[1]->sequence > copy[0]->sequence;
    return valid[0] ? 0 : valid[1] ? 1 : -1;
}

bool
slot_table_virgin(const struct slot_table *t)
{
    const uint8_t *p = (const uint8_t *)t;

    for (uint32_t i = 0; i < AEG_BLOCK_SIZE; i++)
        if (p[i] != 0)
            return false;
    return true;
}
