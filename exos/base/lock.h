/*
 * lock.h: the short lock of the session.
 *
 * Holds:    a spinlock in session memory with the holder's env id in it, so that a lock held by the dead can be told.
 * Rules:    held only inside the library (the critical counter is raised there), for a bounded number of instructions, never across
 *           user-memory access, I/O, allocation that may sleep, or sleep. Acquired in rank order (checked by lock_check.c in builds with --debug, and by unit tests).
 *           A waiter does a directed yield to the holder.
 */
#ifndef EXOS_LOCK_H
#define EXOS_LOCK_H

#include <stdbool.h>
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
unsigned locks_held(void);      /* by the running thread */

/* What an env writes into the locks it holds. */
static inline uint32_t
lock_tag(void)
{
    uint32_t index;

    __asm__ volatile("mov %%gs:0x68, %0" : "=r"(index));     /* aeg_uenv.env_id: its low half is the index */
    return index + 1;
}

/* Until the lock is free, and then takes it. */
void lock_wait(struct lock *l);

#ifdef EXOS_DEBUG
void lock_acquire(struct lock *l);
bool lock_try(struct lock *l);      /* takes it if it is free */
void lock_release(struct lock *l);
#else
#include "base/lock_fast.h"
#endif

#endif
