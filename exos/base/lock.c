/*
 * lock.c: the short lock of the session.
 *
 * Debug builds keep the ranks that each env holds in its UENV and check their order.
 */
#include "base/lock.h"

#include "aegis/sys.h"
#include "base/base.h"
#include "start/session.h"
#include "thread/thread.h"

static inline uint32_t
self_tag(void)
{
    uint32_t index;

    __asm__ volatile("mov %%gs:0x68, %0" : "=r"(index));     /* aeg_uenv.env_id: its low half is the index */
    return index + 1;
}

static struct uenv_local *
local(void)
{
    struct thread *t = thread_self();

    return t != NULL ? uenv_local(t->uenv) : NULL;
}

static void
rank_push(const struct lock *l)
{
    struct uenv_local *u = local();

    if (u == NULL)
        return;
    EXO_ASSERT(u->locks_held < LOCKS_HELD_MAX);
    EXO_ASSERT(u->locks_held == 0 || u->lock_rank[u->locks_held - 1] < l->rank);
    u->lock_rank[u->locks_held++] = l->rank;
}

/* Locks need not be released in the order opposite to that of acquiring. */
static void
rank_pop(const struct lock *l)
{
    struct uenv_local *u = local();
    uint32_t i;

    if (u == NULL)
        return;
    for (i = u->locks_held; i > 0 && u->lock_rank[i - 1] != l->rank; i--)
        ;
    EXO_ASSERT(i > 0);
    for (; i < u->locks_held; i++)
        u->lock_rank[i - 1] = u->lock_rank[i];
    u->locks_held--;
}

/* How many locks the running thread holds. */
unsigned
locks_held(void)
{
    const struct uenv_local *u = local();

    return u != NULL ? u->locks_held : 0;
}

void
lock_init(struct lock *l, enum lock_rank rank)
{
    *l = (struct lock)LOCK_INIT(rank);
}

void
lock_acquire(struct lock *l)
{
    uint32_t tag = self_tag(), free = 0;

    while (!__atomic_compare_exchange_n(&l->holder, &free, tag, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        EXO_ASSERT(free != tag);
        (void)aeg_yield(0, 0);      /* the holder was forced out: its turn comes with its slice */
        free = 0;
    }
    rank_push(l);
}

void
lock_release(struct lock *l)
{
    EXO_ASSERT(l->holder == self_tag());
    rank_pop(l);
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
}
