/*
 * wait.h: sleeping and waking inside the session.
 *
 * A wait queue lies beside the condition it guards. Sleeping is always in a loop that tests the condition:
 *
 *     lock_acquire(&x->lock);
 *     while (!x->ready) {
 *         int err = wait_sleep(&x->wq, &x->lock, DEADLINE_NEVER, WAIT_INTR);
 *         if (err) { lock_release(&x->lock); return err; }
 *     }
 *     lock_release(&x->lock);
 */
#ifndef EXOS_WAIT_H
#define EXOS_WAIT_H

#include "base/base.h"
#include "base/list.h"
#include "base/lock.h"

struct waitq {
    struct list waiters;        /* struct wait_node.link, session objects */
};

#define WAIT_INTR  1u           /* a signal or a kill request ends the sleep with -EINTR */

void waitq_init(struct waitq *wq);

/* A queue that nobody wakes, for sleeps that only a deadline or a signal ends: no queue may lie on a stack, for what ends a sleep runs in
 * whatever space is there, and stacks are at the same address in all. */
extern struct waitq waitq_nobody;

/*
 * Releases `held` (may be NULL), sleeps until woken, deadline_ns (clock_monotonic_ns scale) or a signal, and takes `held` again.
 * Returns 0 (woken, perhaps for nothing), -ETIMEDOUT, or -EINTR (WAIT_INTR only).
 */
int wait_sleep(struct waitq *wq, struct lock *held, uint64_t deadline_ns, unsigned flags) MUST_USE;

/* wait_sleep() with no lock held, no deadline, and WAIT_INTR. */
long wait_here(struct waitq *wq) MUST_USE;

void wake_one(struct waitq *wq);
void wake_all(struct waitq *wq);

/*
 * Readiness: a poller (poll, select, epoll) watches many queues at once. `fn` is called, with no lock of the caller's held but
 * possibly the object's own, whenever the queue is woken. It must be short and must not sleep.
 */
struct wait_watch {
    struct list link;
    void (*fn)(struct wait_watch *w);
};
void wait_watch_add(struct waitq *wq, struct wait_watch *w);
void wait_watch_remove(struct wait_watch *w);

/* True when the calling process has a signal to take or has been asked to die: long loops ask. */
bool wait_interrupted(void);

/* A point where a long operation lets others run, with no lock held. */
void sched_point(void);

#endif
