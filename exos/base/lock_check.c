/*
 * lock_check.c: the short lock with its rules checked: order of ranks, who releases, how many. Built with EXOS_DEBUG in place of
 * lock_fast.h.
 */
#include "aegis/sys.h"
#include "base/base.h"
#include "base/lock.h"
#include "thread/thread.h"

static COLD noreturn void
rank_wrong(const struct thread *t, const struct lock *l)
{
    EXO_PANIC("lock of rank %u taken while %u are held, the last of rank %u", l->rank, t->locks_held, t->lock_rank[t->locks_held - 1]);
}

static void
rank_push(struct thread *t, const struct lock *l)
{
    uint32_t n = t->locks_held;

    if (n > 0 && (n == LOCKS_HELD_MAX || t->lock_rank[n - 1] >= l->rank))
        rank_wrong(t, l);
    t->lock_rank[n] = l->rank;
    t->locks_held = n + 1;
}

/* Locks need not be released in the order opposite to that of acquiring. */
static void
rank_pull(struct thread *t, const struct lock *l)
{
    uint32_t i = t->locks_held;

    while (i > 0 && t->lock_rank[i - 1] != l->rank)
        i--;
    if (i == 0)
        EXO_PANIC("lock of rank %u released, not held", l->rank);
    for (; i < t->locks_held; i++)
        t->lock_rank[i - 1] = t->lock_rank[i];
    t->locks_held--;
}

static void
taken(struct lock *l)
{
    rank_push(thread_self(), l);
    uenv_local(thread_self()->uenv)->locks_held++;
}

bool
lock_try(struct lock *l)
{
    uint32_t free = 0;

    if (!__atomic_compare_exchange_n(&l->holder, &free, lock_tag(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    taken(l);
    return true;
}

void
lock_acquire(struct lock *l)
{
    uint32_t free = 0;

    if (!__atomic_compare_exchange_n(&l->holder, &free, lock_tag(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        lock_wait(l);
    taken(l);
}

void
lock_release(struct lock *l)
{
    if (l->holder != lock_tag())
        EXO_PANIC("lock of rank %u released by another than its holder", l->rank);
    rank_pull(thread_self(), l);
    uenv_local(thread_self()->uenv)->locks_held--;
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
}
