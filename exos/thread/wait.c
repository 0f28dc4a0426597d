/*
 * wait.c: wait queues and what is woken by them.
 *
 * Holds:    sleepers and watchers of one queue on one list; a sleeper is a watch whose function readies its thread.
 * Rules:    the library is not pre-empted and one CPU at a time is in it, so a queue needs no lock of its own.
 */
#include "base/wait.h"

#include "aegis/uenv.h"
#include "proc/proc.h"
#include "thread/thread.h"
#include "thread/turn.h"

struct waitq waitq_nobody = { { &waitq_nobody.waiters, &waitq_nobody.waiters } };

void
waitq_init(struct waitq *wq)
{
    list_init(&wq->waiters);
}

void
thread_wake(struct thread *t, int reason)
{
    if (t->sleeping)
        thread_rouse(t, reason);
}

void
thread_forget(struct thread *t)
{
    if (t->sleeping)
        list_remove(&t->sleep.watch.link);
    t->sleeping = false;
    timer_stop(&t->deadline);
    if (t->queued)
        list_remove(&t->run_link);
    t->queued = false;
    if (cpus_many)
        turn_forget(t);
}

/* Its address is what makes a watch a sleeper. */
static void
sleeper_woken(struct wait_watch *w)
{
    thread_rouse(container_of(w, struct wait_node, watch)->thread, 0);
}

void
thread_interrupt(struct thread *t)
{
    if (t->interruptible)
        thread_wake(t, -EINTR);
}

static void
sleep_over(struct timer *timer)
{
    thread_wake(container_of(timer, struct thread, deadline), -ETIMEDOUT);
}

bool
wait_interrupted(void)
{
    const struct proc *p = proc_current();

    const struct thread *t = thread_self();

    return p != NULL && t->attention != 0 && (t->end_wanted || p->stopped || signal_due(t) != 0);
}

static inline void
lie_down(struct thread *t, struct waitq *wq, bool interruptible)
{
    t->sleeping = true;
    t->interruptible = interruptible;
    t->wake_reason = 0;
    t->sleep.watch.fn = sleeper_woken;
    list_push_tail(&wq->waiters, &t->sleep.watch.link);
}

long
wait_here(struct waitq *wq)
{
    struct thread *t = thread_self();

    if (UNLIKELY(t->attention != 0) && wait_interrupted())
        return -EINTR;
    lie_down(t, wq, true);
    EXO_ASSERT(uenv_local(t->uenv)->locks_held == 0);
    return sched_sleep();
}

int
wait_sleep(struct waitq *wq, struct lock *held, uint64_t deadline_ns, unsigned flags)
{
    struct thread *t = thread_self();

    if ((flags & WAIT_INTR) && t->attention != 0 && wait_interrupted())
        return -EINTR;
    if (deadline_ns != DEADLINE_NEVER && deadline_ns <= clock_monotonic_ns())
        return -ETIMEDOUT;
    lie_down(t, wq, (flags & WAIT_INTR) != 0);
    if (deadline_ns != DEADLINE_NEVER)
        timer_start(&t->deadline, deadline_ns, sleep_over);
    if (held != NULL)
        lock_release(held);
    EXO_ASSERT(uenv_local(t->uenv)->locks_held == 0);
    (void)sched_sleep();
    if (deadline_ns != DEADLINE_NEVER)
        timer_stop(&t->deadline);
    if (held != NULL)
        lock_acquire(held);
    return t->wake_reason;
}

void
wake_one(struct waitq *wq)
{
    bool woken = false;

    list_for_safe(pos, next, &wq->waiters) {
        struct wait_watch *w = container_of(pos, struct wait_watch, link);

        if (w->fn != sleeper_woken || !woken)
            w->fn(w);
        woken |= w->fn == sleeper_woken;
    }
}

void
wake_all(struct waitq *wq)
{
    list_for_safe(pos, next, &wq->waiters) {
        struct wait_watch *w = container_of(pos, struct wait_watch, link);

        if (w->fn == sleeper_woken)
            sleeper_woken(w);
        else
            w->fn(w);
    }
}

void
wait_watch_add(struct waitq *wq, struct wait_watch *w)
{
    list_push_tail(&wq->waiters, &w->link);
}

void
wait_watch_remove(struct wait_watch *w)
{
    if (w->link.next != NULL)
        list_remove(&w->link);
}
