/*
 * lock_fast.h: taking and releasing a free lock: a handful of instructions where they are needed. Included by lock.h alone.
 *
 * The count of held locks lies in the UENV (struct uenv_local): a thread never sleeps with one, so none is left behind there.
 */
#ifndef EXOS_LOCK_FAST_H
#define EXOS_LOCK_FAST_H

static inline void
lock_acquire(struct lock *l)
{
    uint32_t tag = lock_tag(), free = 0;

    if (__builtin_expect(!__atomic_compare_exchange_n(&l->holder, &free, tag, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED), 0))
        lock_wait(l);
    __asm__ volatile("incl %%gs:0x830" : : : "memory", "cc");
}

static inline bool
lock_try(struct lock *l)
{
    uint32_t tag = lock_tag(), free = 0;

    if (!__atomic_compare_exchange_n(&l->holder, &free, tag, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    __asm__ volatile("incl %%gs:0x830" : : : "memory", "cc");
    return true;
}

static inline void
lock_release(struct lock *l)
{
    __asm__ volatile("decl %%gs:0x830" : : : "memory", "cc");
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
}

#endif
