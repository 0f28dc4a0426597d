/*
 * lock.c: the short lock of the session.
 *
 * Each thread knows the ranks that it holds; their order is checked.
 */
#include "base/lock.h"

#include "aegis/sys.h"
#include "base/base.h"
#include "thread/thread.h"

static inline uint32_t
self_tag(void)
{
    uint32_t index;

    __asm__ volatile("mov %%gs:0x68, %0" : "=r"(index));     /* aeg_uenv.env_id: its low half is the index */
    return index + 1;
}

static COLD noreturn void
rank_wrong(const struct thread *t, const struct lock *l)
{
    EXO_PANIC("lock of rank %u taken while %u are held, the last of rank %u", l->rank, t->locks_held, t->lock_rank[t->locks_held - 1]);
}

static inline void
rank_push(struct thread *t, const struct lock *l)
{
    uint32_t n = t->locks_held;

    if (n > 0 && (n == LOCKS_HELD_MAX || t->lock_rank[n - 1] >= l->rank))
        rank_wrong(t, l);
    t->lock_rank[n] = l->rank;
    t->locks_held = n + 1;
}

/* Locks need not be released in the order opposite to that of acquiring. */
static COLD void
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

static inline void
rank_pop(struct thread *t, const struct lock *l)
{
    if (t->locks_held > 0 && t->lock_rank[t->locks_held - 1] == l->rank)
        t->locks_held--;
    else
        rank_pull(t, l);
}

unsigned
locks_held(void)
{
    return thread_self()->locks_held;
}

void
lock_init(struct lock *l, enum lock_rank rank)
{
    *l = (struct lock)LOCK_INIT(rank);
}

/* The holder was forced out by Aegis: its turn comes with its slice. */
static COLD void
lock_wait(struct lock *l, uint32_t tag)
{
    uint32_t free = 0;

    while (!__atomic_compare_exchange_n(&l->holder, &free, tag, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        EXO_ASSERT(free != tag);
        (void)aeg_yield(0, 0);
        free = 0;
    }
}

void
lock_acquire(struct lock *l)
{
    uint32_t tag = self_tag(), free = 0;

    if (!__atomic_compare_exchange_n(&l->holder, &free, tag, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        lock_wait(l, tag);
    rank_push(thread_self(), l);
}

static COLD noreturn void
not_holder(const struct lock *l)
{
    EXO_PANIC("lock of rank %u released by another than its holder", l->rank);
}

void
lock_release(struct lock *l)
{
    if (l->holder != self_tag())
        not_holder(l);
    rank_pop(thread_self(), l);
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
}
