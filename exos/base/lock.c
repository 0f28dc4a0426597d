/*
 * lock.c: the short lock of the session: what is not the way of a free one (lock_fast.h; lock_check.c in debug builds).
 */
#include "base/lock.h"

#include "aegis/sys.h"
#include "base/base.h"
#include "thread/thread.h"

unsigned
locks_held(void)
{
    return uenv_local(thread_self()->uenv)->locks_held;
}

void
lock_init(struct lock *l, enum lock_rank rank)
{
    *l = (struct lock)LOCK_INIT(rank);
}

/* The holder was forced out by Aegis: its turn comes with its slice. */
COLD void
lock_wait(struct lock *l)
{
    uint32_t free = 0;

    while (!__atomic_compare_exchange_n(&l->holder, &free, lock_tag(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        EXO_ASSERT(free != lock_tag());
        (void)aeg_yield(0, 0);
        free = 0;
    }
}
