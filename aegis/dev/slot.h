/*
 * slot.h: slots inside the kernel: what block queues ask (slot.c), and what the calls that change the table share (slot_op.c,
 * slot_calls.c). slot_lock, rank 27, protects all of it.
 */
#ifndef AEGIS_DEV_SLOT_H
#define AEGIS_DEV_SLOT_H

#include "dev/disk.h"
#include "dev/slot_table.h"

/* What a block queue needs to know of a slot: a copy. */
struct slot_view {
    struct aeg_name guard;
    uint64_t first, count;
    uint32_t disk, flags;
};

void slot_init(void);
/* Makes the slots of a disk: its GPT partitions, or all of it; then those that its slot table holds. Boot only. */
void slot_scan(struct disk *d);
/* false: no such slot, or its id is stale. */
bool slot_get(aeg_id_t id, struct slot_view *view) AEG_MUST_USE;
/*
 * May a request through slot `id` touch these blocks of its disk? Not where further slots are carved out or dirty extents lie, and not
 * what a call under way is about to take from it. Called with the queue lock held until the request counts as in flight.
 */
aeg_err_t slot_reach(aeg_id_t id, const struct slot_view *view, uint64_t first, uint64_t count) AEG_MUST_USE;
/* Carries on whatever changes of tables are under way. After each batch of disk_done(); no lock may be held. */
void slot_progress(void);

/* ---- the rest is for slot*.c ---- */

enum slot_op_state { OP_IDLE, OP_DRAIN, OP_ZERO, OP_FLUSH_DATA, OP_WRITE, OP_FLUSH_TABLE };

/* The change under way on one disk. Each state but IDLE and DRAIN has requests out, and ends when all of them are done. */
struct slot_op {
    enum slot_op_state state;
    uint32_t serial;                /* one more with every change */
    struct slot_edit edit;
    aeg_err_t err;                  /* of any request so far */
    uint32_t todo;                  /* requests of this state that are yet to be submitted */
    uint32_t in_flight;
    uint32_t table_bytes;           /* of `next`, sealed */
    uint32_t caller;                /* index of the calling space */
    aeg_id_t account;               /* charged for edit.made, when there is one */
    aeg_id_t fenced;                /* requests through this slot to this extent are refused with `refusal`; 0: none */
    struct slot_extent fence;
    aeg_err_t refusal;
    uint64_t zero_at, zero_end;     /* blocks of this step that are yet to be zeroed */
    bool used[SCRUB_REQUESTS];      /* request[i] is in flight */
    struct disk_request request[SCRUB_REQUESTS];
};

/* A disk with a slot table. */
struct slot_disk {
    struct disk *disk;
    uint64_t home;                  /* first block of the table partition */
    struct slot_table *now;         /* what holds, here and on the disk */
    struct slot_table *next;        /* what is being written */
    uint32_t half;                  /* where on the disk `now` is; the other is written next */
    uint64_t sequence;              /* the highest that was tried */
    uint32_t base;                  /* slot index of record 1 */
    struct slot_op op;
    uint16_t children[SLOT_RECORDS + 1];    /* of each record; [0]: of partitions */
    aeg_id_t account[SLOT_RECORDS + 1];     /* who pays for each record: at boot the root account */
    uint64_t scrubbed[SLOT_RECORDS + 1];
};

extern struct spinlock slot_lock;
struct aeg_slot_info *slot_find(aeg_id_t id);               /* or NULL. With slot_lock held, as all below */
struct slot_disk *slot_disk_of(const struct aeg_slot_info *s);  /* NULL: the disk has no usable table */
/* Number of the record behind a carved slot; 0 for a partition. */
uint32_t slot_number(const struct slot_disk *d, const struct aeg_slot_info *s);
struct aeg_slot_info *slot_of_record(const struct slot_disk *d, uint32_t number);
/* `next` holds from now on: shows its records, settles the accounts. */
void slot_commit(struct slot_disk *d);

void slot_scan_init(void);
/* Boot: a place for a partition; the partitions that may hold carved slots; all slots of a disk read-only; places for a table. */
struct aeg_slot_info *slot_add(const struct disk *d, uint32_t number, uint64_t first, uint64_t count);
uint32_t slot_partitions(uint32_t disk, struct slot_extent *list, uint32_t max);
void slot_close(uint32_t disk);
bool slot_open_table(struct slot_disk *d);

/* Starts the edit whose result is in d->next (CLEAN: zeroes a step first). d->op.edit, caller and account are set. */
void slot_op_init(void);
void slot_op_begin(struct slot_disk *d);
void slot_op_advance(struct slot_disk *d);
/* From slot_op.c: the edit is over, for good or ill (AEG_ERR_AGAIN: one step of a scrub is). */
void slot_call_over(uint32_t caller, aeg_err_t err, uint64_t value);
void slot_calls_init(void);
struct slot_disk *slot_disk_at(uint32_t disk_index);

#endif
