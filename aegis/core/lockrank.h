/*
 * lockrank.h: the order in which the kernel's locks are taken. Whoever holds one may take only locks of a larger rank.
 */
#ifndef AEGIS_CORE_LOCKRANK_H
#define AEGIS_CORE_LOCKRANK_H

enum lock_rank {
    LOCK_SPACE = 10,            /* spaces, their capability tables and page-table walks */
    LOCK_QUEUE = 25,            /* block queues */
    LOCK_SLOT = 27,             /* slots and their tables on disk */
    LOCK_RING = 30,             /* packet rings */
    LOCK_FILTER = 35,
    LOCK_FRAME = 40,            /* frame table, free list */
    LOCK_ACCOUNT = 45,
    LOCK_ENV = 50,              /* env table, notification bits, wait */
    LOCK_SLICE = 55,
    LOCK_DEVICE = 60,           /* one per device */
    LOCK_CONSOLE = 70,
    LOCK_LOG = 80,
};

#endif
