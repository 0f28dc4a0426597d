/* futex.h: sleeping at a word of the program's. See futex.c. */
#ifndef EXOS_THREAD_FUTEX_H
#define EXOS_THREAD_FUTEX_H

#include "base/base.h"
#include "base/uaccess.h"
#include "thread/thread.h"

#define FUTEX_ALL_BITS UINT32_MAX

/* `short_ways`: the simplest calls are made straight from the gates, and no trace has them. */
void futex_init(bool short_ways);

/* The word at va; `shared`: other processes may know it too. 0, -EFAULT: nothing of a program's is mapped there. */
int futex_key(struct futex_key *key, uva_t va, bool shared) MUST_USE;
/* Sleeps while the word is `value` until woken with one of `bits`. 0, -EAGAIN: it is not; -ETIMEDOUT, -EINTR, -EFAULT. */
int futex_wait(uva_t va, bool shared, uint32_t value, uint32_t bits, uint64_t deadline_ns) MUST_USE;
/* The same at a word that is the process' own, with any bits and for ever. */
long futex_wait_own(uva_t va, uint32_t value) MUST_USE;
/* How many of up to `most`, at least one, that sleep there were woken, or -EFAULT. */
long futex_wake_own(uva_t va, uint32_t most);
/* Wakes up to `most`; how many. */
long futex_wake(const struct futex_key *key, uint32_t most, uint32_t bits);
/* Wakes up to `most` and lets up to `move` more sleep at `to` from now on; how many of both. */
long futex_requeue(const struct futex_key *from, uint32_t most, const struct futex_key *to, uint32_t move);
/* 0; -EAGAIN: the word is not what it was, or its page had to be fetched, so that others may have run; -EFAULT. */
static inline int
futex_store(uva_t va, uint32_t was, uint32_t value)
{
    uint32_t now = was;

    if (uaccess_change32(va, &now, value))
        return now == was ? 0 : -EAGAIN;
    return user_fault_in() == 0 ? -EAGAIN : -EFAULT;
}

/* FUTEX_WAKE_OP's change of a word. Its old value in *old; 0, -EFAULT, -ENOSYS. */
int futex_change(uva_t va, uint32_t operation, uint32_t *old) MUST_USE;
/* And what it asks of that. */
bool futex_compare(uint32_t operation, uint32_t old);

/* FUTEX_LOCK_PI and, with wait false, FUTEX_TRYLOCK_PI. 0, -EAGAIN, -EDEADLK, -ESRCH, -EFAULT, -ETIMEDOUT, -EINTR. */
int pifutex_lock(uva_t va, bool shared, uint64_t deadline_ns, bool wait) MUST_USE;
/* 0; -EPERM: it is not the caller's; -EFAULT. */
int pifutex_unlock(uva_t va, bool shared) MUST_USE;
/* A thread ends: whoever waits for its locks looks again when it is gone. */
void pifutex_owner_ends(void);

/* What a program holds of a thread that ends: the locks of its robust list, and the word at which it is waited for. */
void futex_farewell(struct thread *t);

#endif
