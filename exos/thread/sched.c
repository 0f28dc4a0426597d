/*
 * sched.c: who of the session runs.
 *
 * Holds:    the slices of the CPU belong to the housekeeper, and all members share them by directed yields. `running` is the thread that is
 *           meant to have the CPU. The run queue holds those that want it; a sleeper is in no queue. With the queue empty the housekeeper
 *           idles: wherever it sleeps, it waits in the kernel for devices and deadlines on behalf of all.
 *           Threads that share an env change places in it without the kernel, by changing library stacks; on several CPUs a process of
 *           several threads has an env for each (proc/envs.c).
 * Rules:    a thread comes back from aeg_yield() for good only when `go` is set; otherwise it hands the CPU on to `running`. A thread whose
 *           env was left from within another's program waits until that one has come into the library.
 * Not here: what is waited for (wait.c), and why a process must look up on its way out (proc/signal.c).
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/base.h"
#include "base/clock.h"
#include "proc/proc.h"
#include "start/entry.h"
#include "start/session.h"
#include "thread/thread.h"
#include "thread/turn.h"
#include "thread/vectors.h"
#include "vm/vm.h"

#define GIVEN_BACK_MAX (2 * AEG_OVERRUN_MAX)

struct list run_queue = { &run_queue, &run_queue };

struct sched_cpu sched;

static struct {
    uint64_t bit;
    uint64_t (*fn)(void);
    uint64_t deadline_ns;
} due[DUE_MAX];
static unsigned due_count;
static const struct thread *due_worker;     /* who does it now */

void
sched_init(struct thread *housekeeper)
{
    sched.running = sched.home = housekeeper;
    sched.since_tsc = tsc_read();
}

void
thread_init(struct thread *t, struct proc *p, uint64_t env, struct aeg_uenv *uenv, struct thread **holder)
{
    memset(t, 0, offsetof(struct thread, sig));
    memset(&t->robust_list, 0, sizeof(*t) - offsetof(struct thread, robust_list));
    t->proc = p;
    t->env = env;
    t->uenv = uenv;
    t->stack_top = LIB_STACK_TOP;
    t->vectors = MM_VECTORS;
    t->pid = p != NULL ? p->pid : 0;
    t->holder = holder;
    list_init(&t->run_link);
    list_init(&t->sleep.watch.link);
    t->sleep.thread = t;
}

/* Who has to run so that t can: t, or the thread in whose program t's env was left. */
static inline struct thread *
on_the_way(struct thread *t)
{
    struct thread *h = *t->holder;

    return UNLIKELY(h != t) && h != NULL && h != thread_self() && h->parked == 0 && h->queued ? h : t;
}

static inline bool
may_run_here(const struct thread *t)
{
    return !UNLIKELY(t->barred != 0) || !(t->barred >> cpu_current() & 1);
}

/* Who of the queue is next on this CPU. */
static inline struct thread *
first_here(void)
{
    list_for(pos, &run_queue) {
        struct thread *t = on_the_way(container_of(pos, struct thread, run_link));

        if (may_run_here(t))
            return t;
    }
    return NULL;
}

static inline struct thread *
pick(void)
{
    struct thread *t = first_here();

    if (t == NULL)
        return NULL;
    list_unlink(&t->run_link);
    t->queued = false;
    return t;
}

void
due_register(uint64_t notify_bit, uint64_t (*fn)(void))
{
    EXO_ASSERT(due_count < DUE_MAX);
    due[due_count].bit = notify_bit;
    due[due_count].deadline_ns = due_first_ns = 0;
    due[due_count++].fn = fn;
}

static NOINLINE void
due_work_at(uint64_t now)
{
    uint64_t bits, first = DEADLINE_NEVER;

    if (due_worker != NULL)
        return;
    due_worker = thread_self();
    bits = __atomic_fetch_and(&session.housekeeper_uenv->notify, ~(uint64_t)NOTIFY_DUE, __ATOMIC_ACQ_REL);
    for (unsigned i = 0; i < due_count; i++) {
        if ((bits & due[i].bit) != 0 || due[i].deadline_ns <= now)
            due[i].deadline_ns = due[i].fn();
        first = MIN(first, due[i].deadline_ns);
    }
    timers_run(now);
    due_first_ns = MIN(first, timer_first_ns);
    turn_news.work = 1;
    due_worker = NULL;
}

/* A few instructions when nothing is due. */
static inline void
due_work_if_any(void)
{
    uint64_t now = clock_now_ns();

    if (UNLIKELY((session.housekeeper_uenv->notify & NOTIFY_DUE) != 0 || due_first_ns <= now))
        due_work_at(now);
}

void
due_work(void)
{
    due_work_if_any();
}

uint32_t
sched_wanted(uint32_t cpus)
{
    list_for(pos, &run_queue) {
        const struct thread *t = on_the_way(container_of(pos, struct thread, run_link));

        if ((cpus & ~t->barred) != 0)
            return cpus & ~(uint32_t)t->barred;
    }
    return 0;
}

uint64_t
thread_cpu_ns(const struct thread *t)
{
    return ticks_ns(t->run_ticks + (t == sched.running ? tsc_read() - sched.since_tsc : 0));
}

static inline void
account_switch(struct thread *from, struct thread *to)
{
    uint64_t now = tsc_read();

    from->run_ticks += now - sched.since_tsc;
    sched.since_tsc = now;
    sched.running = to;
}

/* `next` (NULL: nobody; the housekeeper idles) is meant to have the CPU instead of `last`. */
static inline void
choose(struct thread *last, struct thread *next)
{
    account_switch(last, next != NULL ? next : sched.home);
    if (next != NULL)
        next->go = true;
}

/* There is no env behind `to` any more: somebody else is chosen. */
static COLD void
env_lost(struct thread *to)
{
    choose(to, NULL);
    proc_env_lost(to->proc);
    choose(sched.home, pick());
}

static inline void
env_yield(struct thread *self, struct thread *to)
{
    if (UNLIKELY(to->env == self->env && to != self)) {
        *to->holder = to;
        change_threads(self, to);
        return;
    }
    __atomic_store_n(&self->uenv->pending, 0, __ATOMIC_RELAXED);
    if (UNLIKELY(park(to->env) != AEG_OK && to != sched.home))
        env_lost(to);
}

/* Somebody has changed to self. Back when it was meant. */
static inline void
come_back(struct thread *self)
{
    while (UNLIKELY(!self->go)) {
        sched.given_back = 0;
        env_yield(self, sched.running);
    }
}

NOINLINE void
sched_not_meant(struct thread *self)
{
    come_back(self);
}

/* The way to `next`, which has been chosen, and back, when somebody has chosen self, a thread of a process. */
static inline void
travel(struct thread *self, struct thread *next, bool within)
{
    uint64_t fs_base = fs_base_get();

    vectors_save(self->vectors);
    sched.given_back = 0;
    if (within) {
        *self->holder = next;
        change_threads(self, next);
    } else {
        env_yield(self, next);
    }
    come_back(self);
    self->go = false;
    vectors_restore(self->vectors);
    fs_base_set(fs_base);
}

/* Hands the CPU to `next` (NULL: to the housekeeper, which idles). */
static inline void
switch_to(struct thread *self, struct thread *next)
{
    self->go = false;       /* of a time when it did not look: it was new, or in its program */
    choose(self, next);
    travel(self, next != NULL ? next : sched.home, false);
}

/*
 * r has given nothing away, and the housekeeper has its slice: Aegis forced r out, perhaps in the middle of the library, whose objects are
 * then nobody's to touch. Or its program gave the CPU away by the kernel's call; with the critical counter raised it looks the same, but for
 * being quick: one that is forced out so often in a row is stopped.
 */
static bool
forced_out(const struct thread *r)
{
    if (cpus_many && turn_inside(r))
        return true;
    return r->uenv->crit != 0 && ++sched.given_back <= GIVEN_BACK_MAX;
}

/* The housekeeper has the CPU and nobody meant it: the one who should run cannot, or there is nobody. */
static void
idle(void)
{
    struct thread *r = sched.running;
    uint64_t bits;

    if (r != sched.home && thread_env_runs(r)) {
        if (r->parked != 0 || forced_out(r)) {
            env_yield(sched.home, r);
            return;
        }
        due_work();     /* as if the program had asked us */
        thread_ready(r);
        account_switch(r, sched.home);
        return;
    }
    if (r != sched.home) {
        if (cpus_many && r->parked == 0 && turn_held(r))
            EXO_PANIC("the env of thread %u was taken away in the library", r->tid);
        account_switch(r, sched.home);
        proc_env_lost(r->proc);
        return;
    }
    if (cpus_many)
        turn_idle();
    else if (aeg_wait(NOTIFY_ALL, due_first_ns, 0, 0, &bits) != AEG_OK)
        return;     /* a deadline passed: due_work looks */
}

/* The same for the housekeeper, which may come back without having been meant. */
static void
housekeeper_away(struct thread *self, struct thread *next)
{
    if (next != NULL) {
        self->go = false;
        choose(self, next);
        env_yield(self, next);
    } else {
        idle();
    }
    while (!self->go && sched.running != self)
        idle();
}

/* The housekeeper is in no queue. Back when it has been picked. */
static NOINLINE void
housekeeper_sleep(struct thread *self)
{
    do {
        struct thread *next = pick();

        if (next == NULL) {
            due_work();
            next = pick();
        }
        if (next == self) {
            sched.running = self;
            return;
        }
        housekeeper_away(self, next);
    } while (!self->go);
    self->go = false;
}

/* The first in the queue shares self's env: a change of stacks. False: it does not. */
static inline bool
switch_within(struct thread *self)
{
    struct thread *next = container_of(run_queue.next, struct thread, run_link);

    if (list_empty(&run_queue) || next->env != self->env || next == self || !may_run_here(next))
        return false;
    list_unlink(&next->run_link);
    next->queued = false;
    choose(self, next);
    travel(self, next, true);
    return true;
}

/* The caller is a process' and in no queue. Back when it has been picked. */
static inline void
switch_away(struct thread *self)
{
    struct thread *next = pick();

    if (next == NULL) {
        due_work_if_any();
        next = pick();
    }
    if (UNLIKELY(next == self))
        sched.running = self;
    else
        switch_to(self, next);
}

long
sched_sleep(void)
{
    struct thread *self = thread_self();

    EXO_ASSERT(self != due_worker);
    if (switch_within(self))
        return self->wake_reason;
    if (UNLIKELY(self == sched.home))
        housekeeper_sleep(self);
    else
        switch_away(self);
    return self->wake_reason;
}

void
sched_yield_now(void)
{
    struct thread *self = thread_self(), *next;

    due_work_if_any();
    if (list_empty(&run_queue))
        return;
    if (UNLIKELY(self == sched.home)) {
        thread_ready(self);
        housekeeper_sleep(self);
        return;
    }
    next = pick();
    if (next == NULL)
        return;
    thread_queue(self);
    switch_to(self, next);
}

/* The CPU is other sessions' until the next slice of this one, which is self's again. `keep`: nobody of this session is to run meanwhile. */
static void
slice_next(struct thread *self, bool keep)
{
    bool home = self == sched.home;

    if (!home) {
        vectors_save(self->vectors);
        sched.given_back = 0;
    }
    if (cpus_many)
        turn_pause(keep);
    else
        env_yield(self, self);
    if (!home)
        vectors_restore(self->vectors);
}

/* With nobody else in the queue the session's next slice is this thread's again. */
void
sched_slice_end(void)
{
    struct thread *self = thread_self();
    const struct thread *next;

    __atomic_store_n(&self->uenv->pending, 0, __ATOMIC_RELAXED);
    due_work();
    next = first_here();
    if (next == NULL) {
        slice_next(self, false);
        return;
    }
    if (next->env == self->env)
        slice_next(self, false);       /* the kernel hears nothing of a change within an env, and waits for its answer */
    thread_ready(self);
    sched_sleep();
}

void
sched_pause(void)
{
    struct thread *self = thread_self();

    if (self->uenv->pending & AEG_PENDING_SLICE_END)
        slice_next(self, true);
}

void
sched_point(void)
{
    if (thread_self()->uenv->pending & AEG_PENDING_SLICE_END)
        sched_slice_end();
}

void
sched_migrate(void)
{
    struct thread *self = thread_self();

    if (may_run_here(self))
        return;
    thread_ready(self);
    sched_sleep();
}

void
sched_become(struct thread *t)
{
    struct uenv_local *local = uenv_local(t->uenv);

    account_switch(thread_self(), t);
    *t->holder = t;
    local->self = t;
    local->pid = t->pid;
    local->stack_top = t->stack_top;
    if (!may_run_here(t))
        t->attention = 1;
}

noreturn void
sched_home(void)
{
    struct thread *self = thread_self();

    for (;;) {
        while (sched.running != self)
            idle();
        housekeeper_sleep(self);
    }
}

/* Whose the running env is now: it changes hands while it is away in sched_exit(). */
static struct thread *
thread_now(void)
{
    struct thread *t;

    __asm__ volatile("mov %%gs:0x808, %0" : "=r"(t) : : "memory");
    return t;
}

/* The env is then nobody's; when it is some process' again (space.c), it starts as that. */
noreturn void
sched_exit(void)
{
    struct thread *self = thread_self();

    self->go = false;
    choose(self, pick());
    __atomic_store_n(&self->uenv->pending, 0, __ATOMIC_RELAXED);
    do {
        if (cpus_many)
            turn_rest();
        else if (aeg_yield(sched.running->env, CAP_SELF) != AEG_OK)
            (void)aeg_yield(sched.home->env, CAP_SELF);
    } while (thread_now() == NULL || !thread_now()->go);
    restart_process(thread_now()->proc);
}

noreturn void
sched_leave(void)
{
    struct thread *self = thread_self();

    self->go = false;
    choose(self, pick());
    for (;;)
        env_yield(self, sched.running);
}
