/*
 * timers.c: the timers of processes: setitimer(2), timer_create(2), on clocks of the session or of what a process or thread has run.
 *
 * Holds:    each lies on a one-shot timer of the session. One against CPU time rings when that could be over at the earliest, looks, and is set
 *           again; a process that sleeps is looked at once in LOOK_NS at most.
 * Rules:    a timer has one signal pending at a time; how often it rings meanwhile is told with it (timer_getoverrun(2)).
 */
#include "proc/timers.h"

#include "base/mem.h"
#include "proc/internal.h"
#include "proc/signal.h"

#define LOOK_NS (5 * NSEC_PER_MSEC)
#define OVERRUN_MAX INT32_MAX
#define SIGEV_NONE 1

/* ---- clocks ---- */

/* ~id << 3 and kind: which process or thread (bit 2) is meant; all kinds of CPU time are one here. */
static int
clock_of_somebody(int32_t id, struct clock_ref *c)
{
    uint32_t whose = (uint32_t)~(id >> 3);
    bool thread = (id & 4) != 0;

    if ((id & 3) == 3)
        return -EINVAL;
    *c = (struct clock_ref){ thread ? CLOCK_THREAD : CLOCK_PROCESS, whose };
    if (whose == 0)
        c->of = thread ? thread_self()->tid : proc_current()->pid;
    return (thread ? thread_find(c->of) != NULL : proc_find(c->of) != NULL) ? 0 : -EINVAL;
}

int
clock_find(int32_t id, struct clock_ref *c)
{
    if (id < 0)
        return clock_of_somebody(id, c);
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        *c = (struct clock_ref){ CLOCK_REALTIME, 0 };
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *c = (struct clock_ref){ CLOCK_MONOTONIC, 0 };
        return 0;
    case CLOCK_PROCESS:
        *c = (struct clock_ref){ CLOCK_PROCESS, proc_current()->pid };
        return 0;
    case CLOCK_THREAD:
        *c = (struct clock_ref){ CLOCK_THREAD, thread_self()->tid };
        return 0;
    default:
        return -EINVAL;
    }
}

uint64_t
clock_now(const struct clock_ref *c)
{
    const struct proc *p;
    const struct thread *t;

    switch (c->id) {
    case CLOCK_REALTIME:
        return clock_realtime_ns();
    case CLOCK_PROCESS:
        p = proc_find(c->of);
        return p != NULL ? proc_cpu_ns(p) : 0;
    case CLOCK_THREAD:
        t = thread_find(c->of);
        return t != NULL ? thread_cpu_ns(t) : 0;
    default:
        return clock_monotonic_ns();
    }
}

uint64_t
clock_earliest(const struct clock_ref *c, uint64_t due_ns)
{
    uint64_t now = clock_now(c), left = due_ns > now ? due_ns - now : 0, mono = clock_monotonic_ns();

    if (c->id == CLOCK_PROCESS || c->id == CLOCK_THREAD)
        left = MAX(left, LOOK_NS);
    return left > UINT64_MAX - 1 - mono ? UINT64_MAX - 1 : mono + left;
}

/* ---- timers on any clock ---- */

static void
over(struct timer *timer)
{
    struct clock_timer *t = container_of(timer, struct clock_timer, timer);
    uint64_t now = clock_now(&t->clock), times = 1;

    if (now < t->due_ns) {
        timer_start(timer, clock_earliest(&t->clock, t->due_ns), over);
        return;
    }
    if (t->interval_ns != 0) {
        times += (now - t->due_ns) / t->interval_ns;
        t->due_ns += times * t->interval_ns;
        timer_start(timer, clock_earliest(&t->clock, t->due_ns), over);
    } else {
        t->due_ns = 0;
    }
    t->rings(t, times);
}

void
clock_timer_set(struct clock_timer *t, uint64_t due_ns, uint64_t interval_ns)
{
    timer_stop(&t->timer);
    t->due_ns = due_ns;
    t->interval_ns = interval_ns;
    if (due_ns != 0)
        timer_start(&t->timer, clock_earliest(&t->clock, due_ns), over);
}

uint64_t
clock_timer_left(const struct clock_timer *t)
{
    uint64_t now = clock_now(&t->clock);

    return t->due_ns == 0 ? 0 : t->due_ns > now ? t->due_ns - now : 1;
}

/* ---- setitimer(2) ---- */

static void
real_rings(struct clock_timer *t, uint64_t times)
{
    (void)times;
    (void)proc_signal(container_of(t, struct proc, itimer[0]), SIGALRM);
}

static void
virtual_rings(struct clock_timer *t, uint64_t times)
{
    (void)times;
    (void)proc_signal(container_of(t, struct proc, itimer[1]), SIGVTALRM);
}

static void
prof_rings(struct clock_timer *t, uint64_t times)
{
    (void)times;
    (void)proc_signal(container_of(t, struct proc, itimer[2]), SIGPROF);
}

void
timers_init(struct proc *p)
{
    p->itimer[0].clock = (struct clock_ref){ CLOCK_MONOTONIC, 0 };
    p->itimer[1].clock = p->itimer[2].clock = (struct clock_ref){ CLOCK_PROCESS, p->pid };
    p->itimer[0].rings = real_rings;
    p->itimer[1].rings = virtual_rings;
    p->itimer[2].rings = prof_rings;
    list_init(&p->ptimers);
}

/* ---- timer_create(2) ---- */

/* The signal that it sent may have been dropped since. */
static bool
still_queued(const struct ptimer *t, const struct sig_queue *q)
{
    return t->queued && (q->set & SIG_BIT(t->signo)) != 0;
}

static void
ptimer_rings(struct clock_timer *clock, uint64_t times)
{
    struct ptimer *t = (struct ptimer *)clock;
    struct proc *p = t->proc;
    struct thread *to = t->tid != 0 ? thread_find(t->tid) : NULL;
    struct siginfo_brief info = { .code = SI_TIMER, .timer_id = t->id };
    uint32_t before = p->sig_queued;

    if (t->notify == SIGEV_NONE || (t->tid != 0 && (to == NULL || to->proc != p)))
        return;
    if (still_queued(t, to != NULL ? &to->sig.pending : &p->sig_pending)) {
        t->overrun += times;
        return;
    }
    info.value = t->value;
    t->overrun = times - 1;
    (void)(to != NULL ? thread_signal_info(to, t->signo, &info) : proc_signal_info(p, t->signo, &info));
    t->queued = p->sig_queued != before;
}

void
ptimer_taken(struct proc *p, struct siginfo_brief *info)
{
    struct ptimer *t = ptimer_find(p, info->timer_id);

    if (t == NULL || !t->queued)
        return;
    t->queued = false;
    t->last_overrun = (int32_t)MIN(t->overrun, (uint64_t)OVERRUN_MAX);
    t->overrun = 0;
    info->overrun = t->last_overrun;
}

struct ptimer *
ptimer_add(struct proc *p)
{
    struct ptimer *t = p->ptimer_count < PTIMERS_MAX ? heap_alloc(sizeof(*t)) : NULL;

    if (t == NULL)
        return NULL;
    while (ptimer_find(p, p->ptimer_next) != NULL)
        p->ptimer_next = (p->ptimer_next + 1) & INT32_MAX;
    t->id = p->ptimer_next;
    p->ptimer_next = (p->ptimer_next + 1) & INT32_MAX;
    t->proc = p;
    t->t.rings = ptimer_rings;
    list_push_tail(&p->ptimers, &t->link);
    p->ptimer_count++;
    return t;
}

struct ptimer *
ptimer_find(const struct proc *p, int32_t id)
{
    list_for(pos, &p->ptimers) {
        struct ptimer *t = container_of(pos, struct ptimer, link);

        if (t->id == id)
            return t;
    }
    return NULL;
}

void
ptimer_remove(struct ptimer *t)
{
    timer_stop(&t->t.timer);
    list_remove(&t->link);
    t->proc->ptimer_count--;
    heap_free(t);
}

void
ptimers_end(struct proc *p)
{
    list_for_safe(pos, next, &p->ptimers)
        ptimer_remove(container_of(pos, struct ptimer, link));
}

void
timers_end(struct proc *p)
{
    for (unsigned i = 0; i < ITIMERS; i++)
        timer_stop(&p->itimer[i].timer);
    ptimers_end(p);
}
