/*
 * own.c: taking and dropping long ownership.
 *
 * Locks: the object's own short lock, only while the state field changes.
 */
#include "fs/own.h"

void
own_init(struct own *o, enum lock_rank rank)
{
    lock_init(&o->lock, rank);
    o->busy = false;
    waitq_init(&o->wq);
}

void
own_take(struct own *o)
{
    lock_acquire(&o->lock);
    while (o->busy) {
        /* No WAIT_INTR and no deadline: the only result is "woken". */
        if (wait_sleep(&o->wq, &o->lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    o->busy = true;
    lock_release(&o->lock);
}

void
own_drop(struct own *o)
{
    lock_acquire(&o->lock);
    EXO_ASSERT(o->busy);
    o->busy = false;
    if (!list_empty(&o->wq.waiters))
        wake_one(&o->wq);
    lock_release(&o->lock);
}
