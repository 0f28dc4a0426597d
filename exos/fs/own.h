/*
 * own.h: long ownership: an object that one thread has to itself across sleep and I/O (a directory being changed, a block map, an
 * allocator). It is a state field with a wait queue, not a lock: nothing spins on it.
 *
 * Order, outermost first: rename of a file system, directory inodes (parent before child, else by address), file inode, block map of
 * an inode, allocator of a file system.
 */
#ifndef EXOS_FS_OWN_H
#define EXOS_FS_OWN_H

#include "base/lock.h"
#include "base/wait.h"

enum own_state { OWN_FREE, OWN_TAKEN, OWN_WANTED };      /* wanted: taken, and whoever drops it must wake */

struct own {
    struct lock lock;
    uint32_t state;
    struct waitq wq;
};

void own_init(struct own *o, enum lock_rank rank);
void own_wait(struct own *o);
void own_wake(struct own *o);

/* Takes it if that needs no sleep. */
static inline bool
own_try(struct own *o)
{
    uint32_t free = OWN_FREE;

    return __atomic_compare_exchange_n(&o->state, &free, OWN_TAKEN, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Sleeps, uninterruptibly, until the object is free; owners hold it for a bounded number of I/Os. */
static inline void
own_take(struct own *o)
{
    if (!own_try(o))
        own_wait(o);
}

static inline void
own_drop(struct own *o)
{
    uint32_t before = __atomic_exchange_n(&o->state, OWN_FREE, __ATOMIC_RELEASE);

    EXO_ASSERT(before != OWN_FREE);
    if (before == OWN_WANTED)
        own_wake(o);
}

#endif
