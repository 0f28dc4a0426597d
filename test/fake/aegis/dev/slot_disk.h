/*
 * slot_disk.h: a disk with a slot table, in memory, that remembers the order of what was written and can lose what was not flushed.
 *
 * Partition 1, blocks 40-199, is for carving; partition 2, blocks 200-299, holds the slot table; partition 3 is blocks 300-459.
 */
#ifndef FAKE_SLOT_DISK_H
#define FAKE_SLOT_DISK_H

#include "test/fake/aegis/dev/kernel.h"
#include "dev/blockq.h"

#define DISK_BLOCKS 512
#define DATA_FIRST 40
#define DATA_COUNT 160
#define TABLE_FIRST 200
#define LOG_MAX 16384

struct log_entry {
    uint64_t block;
    bool flush;
    uint8_t data[AEG_BLOCK_SIZE];
};

extern struct slot_disk_image {
    uint8_t byte[DISK_BLOCKS * AEG_BLOCK_SIZE];
    struct log_entry log[LOG_MAX];      /* one entry a block or flush, since the disk was made */
    unsigned log_count;
    enum disk_answer answer;
    aeg_err_t result;                   /* of every request from now on */
    int fail_after;                     /* requests until `result` counts; -1: at once */
    struct disk_request *waiting[64];
    unsigned waiting_count;
} medium;

/* A fresh disk in a fresh machine. With a table partition or without. */
struct disk *medium_make(bool with_table);
/* Writes the partition table. */
void medium_format(bool with_table);
/* The machine starts again with what the disk holds now. */
struct disk *medium_boot(void);
/* Finishes what waits, until nothing does. */
void medium_finish(void);
/* Finishes what waits now; more may wait afterwards. */
void medium_finish_some(void);
/* The live or dirty slots of a disk, by record number; NULL: that record is empty. */
const struct aeg_slot_info *medium_slot(const struct disk *d, unsigned number);
const struct aeg_slot_info *medium_partition(const struct disk *d, unsigned i);

#endif
