/*
 * lock.h: the short lock of the session.
 *
 * Holds:    a spinlock in session memory with the holder's env id in it, so that a lock held by the dead can be told.
 * Rules:    held only inside the library (the critical counter is raised there), for a bounded number of instructions, never across
 *           user-memory access, I/O, allocation that may sleep, or sleep. Acquired in rank order (checked in debug builds).
 *           A waiter does a directed yield to the holder.
 */
#ifndef EXOS_LOCK_H
#define EXOS_LOCK_H

#include <stdint.h>

enum lock_rank {                /* outermost first: a lock may be taken while holding one of a smaller rank only */
    LOCK_RANK_PROC = 10,
    LOCK_RANK_FDTABLE = 20,
    LOCK_RANK_MOUNT = 30,
    LOCK_RANK_INODE = 40,
    LOCK_RANK_FS = 50,
    LOCK_RANK_CACHE = 60,
    LOCK_RANK_NET = 70,
    LOCK_RANK_PIPE = 80,
    LOCK_RANK_CONSOLE = 90,
    LOCK_RANK_BLOCK = 100,
    LOCK_RANK_POLL = 105,       /* pollers: taken by a watch while the watched object's own lock is held */
    LOCK_RANK_HEAP = 110,
    LOCK_RANK_SCHED = 120,
};

struct lock {
    uint32_t holder;            /* env index + 1; 0 is free */
    uint32_t rank;
};

#define LOCK_INIT(r) { 0, (r) }
void lock_init(struct lock *l, enum lock_rank rank);
void lock_acquire(struct lock *l);
void lock_release(struct lock *l);
unsigned locks_held(void);      /* by the running thread */

#endif
