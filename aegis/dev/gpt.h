/* gpt.h: reading a GUID partition table. See gpt.c. */
#ifndef AEGIS_DEV_GPT_H
#define AEGIS_DEV_GPT_H

#include "core/kernel.h"

struct gpt_partition {
    uint32_t number;            /* from 1, as in vda1 */
    uint64_t first, count;      /* blocks */
    uint8_t type[16];
};

/* Reads 512 bytes of the disk at `block` to buf. */
struct gpt_reader {
    bool (*read)(void *arg, uint64_t block, void *buf);
    void *arg;
    uint64_t blocks;            /* of the disk */
};

/*
 * Fills list[] with the partitions, in order of number. Returns how many, 0 when the table is empty, -1 when there is no valid table:
 * neither the primary header (block 1) nor the backup (last block) has a good signature, checksums and bounds. Entries that leave the
 * usable area, or overlap an earlier one, are left out.
 */
int gpt_read(const struct gpt_reader *r, struct gpt_partition *list, int max);

#endif
