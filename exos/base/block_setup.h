/*
 * block_setup.h: how bring-up starts the block layer (block.c), and how the session keeps it going.
 */
#ifndef EXOS_BLOCK_SETUP_H
#define EXOS_BLOCK_SETUP_H

#include "aegis/block.h"
#include "base/base.h"

#define BLOCK_SLOT_CAPS 8

struct block_setup {
    aeg_id_t account;                       /* pays for the queue */
    uint32_t cap;                           /* the session's own, at the same index in every member: over account, pages, env */
    aeg_id_t env;                           /* notified with `bits` when requests are done */
    uint64_t bits;
    uint32_t slot_caps[BLOCK_SLOT_CAPS];    /* may dominate slots: each slot is bound with the most that one of them gives */
    uint32_t slot_cap_count;
    void *pages[AEG_QUEUE_FRAMES];          /* page_alloc(): the queue lives in them */
};

/* Makes the queue and a blkdev for every slot that one of the capabilities reaches. 0, or -EIO when Aegis refuses (it logs why). */
int block_init(const struct block_setup *setup) MUST_USE;

/* Finishes what the devices have finished: at most a completion ring full. Any thread, no lock held. Returns DEADLINE_NEVER (due work). */
uint64_t block_poll(void);

#endif
