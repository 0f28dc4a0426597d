/*
 * own.c: taking and dropping long ownership when somebody waits for it.
 *
 * Locks: the object's own short lock, around its wait queue.
 */
#include "fs/own.h"

void
own_init(struct own *o, enum lock_rank rank)
{
    lock_init(&o->lock, rank);
    o->state = OWN_FREE;
    waitq_init(&o->wq);
}

void
own_wait(struct own *o)
{
    lock_acquire(&o->lock);
    while (__atomic_exchange_n(&o->state, OWN_WANTED, __ATOMIC_ACQUIRE) != OWN_FREE) {
        /* No WAIT_INTR and no deadline: the only result is "woken". */
        if (wait_sleep(&o->wq, &o->lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    lock_release(&o->lock);
}

void
own_wake(struct own *o)
{
    lock_acquire(&o->lock);
    wake_one(&o->wq);
    lock_release(&o->lock);
}
