/*
 * pifutex.c: locks whose owner the library knows: FUTEX_LOCK_PI and its kin (futex(2)).
 *
 * Holds:    all who wait for such locks, in one queue in the order in which they came; there are few. There are no priorities to inherit: what
 *           remains of these calls is that the next owner is written into the word by who lets go, and that the owner's end is seen.
 * Rules:    a word is changed only from what it was at the look: other CPUs run the program's threads, and where a page has to be fetched
 *           first, others have run. Then the look is repeated.
 */
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/proc.h"
#include "thread/futex.h"

#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u
#define OWNER 0x3fffffffu

static struct waitq waiting = { { &waiting.waiters, &waiting.waiters } };

/* The next that waits for that lock, behind `after` (NULL: the first). */
static struct thread *
next_for(const struct futex_key *key, const struct thread *after)
{
    struct list *pos = after != NULL ? after->sleep.watch.link.next : waiting.waiters.next;

    for (; pos != &waiting.waiters; pos = pos->next) {
        struct thread *t = container_of(pos, struct thread, sleep.watch.link);

        if (t->futex.key.object == key->object && t->futex.key.at == key->at)
            return t;
    }
    return NULL;
}

/* One look. 0: it is the caller's. 1: somebody else's, which the word now says is waited for. Else -errno. */
static int
attempt(const struct futex_key *key, uva_t va, bool waited)
{
    const struct thread *self = thread_self();
    uint32_t value, owner;
    int err;

    if (!user_load32(&value, va))
        return -EFAULT;
    owner = value & OWNER;
    if (owner == self->tid)
        return waited ? 0 : -EDEADLK;
    if (owner != 0 && thread_find(owner) != NULL) {
        err = value & WAITERS ? 0 : futex_store(va, value, value | WAITERS);
        return err != 0 ? err : 1;
    }
    if (owner != 0 && !waited)
        return -ESRCH;
    return futex_store(va, value, self->tid | (value & OWNER_DIED) | (owner != 0 ? OWNER_DIED : 0) | (next_for(key, NULL) != NULL ? WAITERS : 0));
}

int
pifutex_lock(uva_t va, bool shared, uint64_t deadline_ns, bool wait)
{
    struct thread *self = thread_self();
    struct futex_key key;
    bool waited = false;
    int err = futex_key(&key, va, shared);

    while (err == 0) {
        do
            err = attempt(&key, va, waited);
        while (err == -EAGAIN);
        if (err <= 0)
            return err;
        if (!wait)
            return -EAGAIN;
        self->futex = (struct futex_sleep){ key, FUTEX_ALL_BITS };
        err = wait_sleep(&waiting, NULL, deadline_ns, WAIT_INTR);
        waited = true;
    }
    return err;
}

int
pifutex_unlock(uva_t va, bool shared)
{
    struct futex_key key;
    struct thread *next;
    uint32_t value;
    int err = futex_key(&key, va, shared);

    if (err != 0)
        return err;
    do {
        if (!user_load32(&value, va))
            return -EFAULT;
        if ((value & OWNER) != thread_self()->tid)
            return -EPERM;
        next = next_for(&key, NULL);
        err = futex_store(va, value, next == NULL ? 0 : next->tid | (next_for(&key, next) != NULL ? WAITERS : 0));
    } while (err == -EAGAIN);
    if (err == 0 && next != NULL)
        thread_wake(next, 0);
    return err;
}

void
pifutex_owner_ends(void)
{
    if (!list_empty(&waiting.waiters))
        wake_all(&waiting);
}
