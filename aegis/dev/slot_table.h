/*
 * slot_table.h: the table of carved slots as it lies on a disk, and the edits of it. Nothing here does I/O. See slot_table.c, slot_edit.c.
 *
 * The table partition holds two copies, one at its start and one SLOT_TABLE_BLOCKS further. Numbers are little-endian. Records are
 * numbered from 1; the number is the slot's name for as long as it lives ("vdas7").
 */
#ifndef AEGIS_DEV_SLOT_TABLE_H
#define AEGIS_DEV_SLOT_TABLE_H

#include "aegis/block.h"
#include "core/kernel.h"
#include "dev/limits.h"

#define SLOT_TABLE_MAGIC 0x656c626174746c73ull      /* "slttable" */
#define SLOT_TABLE_VERSION 1
#define SLOT_TABLE_FRAMES 4
#define SLOT_TABLE_BYTES (SLOT_TABLE_FRAMES * FRAME_SIZE)
#define SLOT_TABLE_BLOCKS (SLOT_TABLE_BYTES / AEG_BLOCK_SIZE)

#define SLOT_RECORD_DIRTY 1u        /* freed under `guard`, not zeroed since */

struct slot_record {
    struct aeg_name guard;
    uint64_t first, count;          /* blocks of the disk; count 0: the place is empty */
    uint32_t parent;                /* number of the record that it was carved out of; 0: a partition */
    uint32_t generation;            /* of the id given out last for this place */
    uint32_t flags;
    uint32_t reserved[5];           /* 0 */
};
static_assert(sizeof(struct slot_record) == 64, "on disk");

struct slot_table {
    uint64_t magic;
    uint32_t version;
    uint32_t crc;                   /* of the header with 0 here, and `count` records */
    uint64_t sequence;              /* one more with every copy written: the newest valid one holds */
    uint64_t home;                  /* first block of the partition: a table that was moved describes another disk */
    uint32_t count;                 /* records that are written */
    uint32_t reserved[7];
    struct slot_record record[SLOT_RECORDS];
};
static_assert(offsetof(struct slot_table, record) == 64, "on disk");
static_assert(sizeof(struct slot_table) == SLOT_TABLE_BYTES, "on disk");

static inline struct slot_record *
slot_record(struct slot_table *t, uint32_t number)
{
    return &t->record[number - 1];
}

/* An extent that top-level records may lie in: a partition. */
struct slot_extent {
    uint64_t first, count;
};

static inline bool
extent_inside(uint64_t first, uint64_t count, uint64_t outer_first, uint64_t outer_count)
{
    return first >= outer_first && first - outer_first <= outer_count && count <= outer_count - (first - outer_first);
}

static inline bool
extents_overlap(uint64_t first, uint64_t count, uint64_t other_first, uint64_t other_count)
{
    return first < other_first + other_count && other_first < first + count;
}

/* True when a capability of some principal that owns `old` reaches everything under `name`: the same, or further components. */
bool slot_guard_below(struct aeg_name name, struct aeg_name old);
/* Slots are guarded by named components alone, which mean the same after a reboot. */
bool slot_guard_named(struct aeg_name name);

/* Sets count, magic, home, sequence and checksum; returns how many bytes are to be written, whole blocks. */
uint32_t slot_table_seal(struct slot_table *t, uint64_t home, uint64_t sequence);
/* Is this a table for `home`, whole, with records that lie in the partitions, in their parents, and beside each other? */
bool slot_table_valid(const struct slot_table *t, uint64_t home, const struct slot_extent *partition, uint32_t partition_count);
/* Which of two copies holds: 0 or 1, the valid one with the higher sequence; -1: neither. */
int slot_table_choose(const struct slot_table *const copy[2], uint64_t home, const struct slot_extent *partition,
                      uint32_t partition_count);
/* Has nothing been written here yet? */
bool slot_table_virgin(const struct slot_table *t);

enum slot_edit_kind { SLOT_CARVE, SLOT_SPLIT, SLOT_MERGE, SLOT_FREE, SLOT_GUARD, SLOT_CLEAN };

struct slot_edit {
    enum slot_edit_kind kind;
    uint32_t number;            /* the record; CARVE: the parent's, 0 a partition */
    uint32_t other;             /* MERGE: the record behind it */
    uint64_t first, count;      /* CARVE: extent; SPLIT: first is where the second part begins */
    struct slot_extent outer;   /* CARVE: the parent's extent */
    struct aeg_name guard;      /* CARVE, GUARD: the new one; FREE: the parent's */
    uint32_t made;              /* result of CARVE and SPLIT: the new record */
};

/* Each makes `next` from `now` with the edit done; on error `next` is of no use. */
aeg_err_t slot_edit_carve(const struct slot_table *now, struct slot_table *next, struct slot_edit *e) AEG_MUST_USE;
aeg_err_t slot_edit_split(const struct slot_table *now, struct slot_table *next, struct slot_edit *e) AEG_MUST_USE;
aeg_err_t slot_edit_merge(const struct slot_table *now, struct slot_table *next, const struct slot_edit *e) AEG_MUST_USE;
aeg_err_t slot_edit_free(const struct slot_table *now, struct slot_table *next, const struct slot_edit *e) AEG_MUST_USE;
aeg_err_t slot_edit_guard(const struct slot_table *now, struct slot_table *next, const struct slot_edit *e) AEG_MUST_USE;
void slot_edit_clean(const struct slot_table *now, struct slot_table *next, const struct slot_edit *e);

#endif
