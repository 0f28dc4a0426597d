/*
 * kill.c: the end of processes that do not end by themselves.
 *
 * Holds:    a kill is a request: the call that the victim sleeps in unwinds, and the victim leaves by itself (signal.c, exit.c). Its env may
 *           be gone: destroyed by another member, or stopped by Aegis. What it held in the library then is on its library stack, in
 *           session pages, and nowhere else; so another env goes on from there, with SIGKILL waiting, and the code that took files,
 *           pages, watches and locks gives them back. One that was in its program holds nothing: it is taken apart from outside.
 * Rules:    a process that is still there KILL_PATIENCE_NS after the request has given the CPU away without coming through the library: its
 *           env is destroyed. One that sleeps where no signal interrupts has its reason, which is a device; it is told of once.
 *           An env that was stopped inside the library held no sleep's state but half-changed objects: the session stops.
 * Not here: who notices that an env does not run (thread/sched.c; here, once in LOOK_NS, for those that nobody wakes).
 */
#include "aegis/sys.h"
#include "proc/envs.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/housekeeper.h"
#include "start/session.h"

#define KILL_PATIENCE_NS (2 * NSEC_PER_SEC)
#define LOOK_NS NSEC_PER_SEC
#define FRAMES_TOLD 12
#define PARKED_RBP 0            /* entry.asm */

static void
patience_over(struct timer *t)
{
    container_of(t, struct proc, kill_timer)->kill_overdue = true;
    housekeeper_kick();
}

void
proc_kill_begin(struct proc *p)
{
    if (!p->kill_timer.armed && p->state != PROC_ZOMBIE)
        timer_start(&p->kill_timer, clock_monotonic_ns() + KILL_PATIENCE_NS, patience_over);
}

/* A thread that can go on in another env: whose stack the lost one was on, or any other that waits for it. */
static struct thread *
parked_on(struct thread *holder, uint64_t env)
{
    if (holder != NULL && holder->parked != 0)
        return holder;
    for (unsigned i = 0; i < proc_places(); i++) {
        const struct proc *p = proc_at(i);

        if (p == NULL || p->env != env)
            continue;
        list_for(pos, &p->threads) {
            struct thread *t = container_of(pos, struct thread, proc_link);

            if (t->env == env && t->parked != 0)
                return t;
        }
    }
    return NULL;
}

/* Who was about to run in that env is to run in it now; that it had been chosen counts no more. */
static void
ready_parked(const struct proc *p)
{
    list_for(pos, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        t->go = false;
        if (t->parked != 0 && !t->sleeping)
            thread_ready(t);
    }
}

/* Its env is gone while t had the CPU given away: it goes on in another one, and its process to its end. */
static bool
revive(struct thread *t)
{
    struct proc *p = t->proc;

    if (space_revive(t) != 0)
        return false;
    log_print("pid %u (%s): its env is gone; it unwinds in another", p->pid, p->name);
    proc_kill(p);
    for (; p != NULL; p = p->vfork != NULL ? p->vfork->parent : NULL)
        ready_parked(p);
    return true;
}

void
proc_env_lost(struct proc *p)
{
    struct thread *h, *t;
    uint64_t rip;

    if (p == NULL || p->state == PROC_ZOMBIE)
        return;
    if (envs_mend(p))
        return;
    h = *p->thread.holder;
    if (h != NULL && h->parked == 0)
        p = h->proc;
    t = parked_on(h, p->env);
    if (t == h && t != NULL && revive(t))
        return;
    if (proc_env_stuck(p, &rip))
        EXO_PANIC("pid %u (%s) did not come out of the library: rip %lx", p->pid, p->name, rip);
    if (h != NULL && t != NULL && p->thread_count > 1) {
        thread_drop(h);         /* it was in its program and held nothing */
        if (revive(t))
            return;
    }
    log_print("pid %u (%s): its env is stopped; it is killed", p->pid, p->name);
    proc_end_from_outside(p);
}

/* Where a sleeper sleeps: the calls that led there (thread_park has pushed rbp last). */
static void
tell_where(const struct proc *p, const struct thread *t)
{
    uint64_t frame = space_stack_word(p, t->parked + PARKED_RBP);

    log_print(" thread %u, %s:", t->tid, t->sleeping ? "asleep" : t->queued ? "queued" : "not queued");
    for (unsigned i = 0; i < FRAMES_TOLD && frame != 0; i++) {
        log_print("  #%u %lx", i, space_stack_word(p, frame + sizeof(frame)));
        frame = space_stack_word(p, frame);
    }
}

/* The housekeeper has the CPU, so the victim has not. */
static void
enforce(struct proc *p)
{
    const struct thread *h = *p->thread.holder;

    p->kill_overdue = false;
    if (p->envs != NULL) {
        envs_enforce(p);
        if (proc_env_gone(p))
            proc_env_lost(p);
        return;
    }
    if (p->fs == NULL || p->exec != NULL || p->start != NULL || h == NULL || h->proc != p)
        return;     /* on its way out, or in, or without the CPU */
    if (h->parked != 0) {
        if (!p->kill_waits_told) {
            log_print("pid %u (%s) was killed and has not ended: it waits where no signal interrupts", p->pid, p->name);
            list_for(pos, &p->threads)
                tell_where(p, container_of(pos, struct thread, proc_link));
        }
        p->kill_waits_told = true;
        return;
    }
    (void)!aeg_env_destroy(p->env, CAP_SELF);
    log_print("pid %u (%s) was killed and does not look up: its env is destroyed", p->pid, p->name);
    if (p->thread_count > 1)
        proc_env_lost(p);
    else
        proc_end_from_outside(p);
}

uint64_t
kills_enforce(void)
{
    for (unsigned i = 0; i < proc_places(); i++) {
        struct proc *p = proc_at(i);

        if (p == NULL || p->state == PROC_ZOMBIE || p->env == 0)
            continue;
        if (proc_env_gone(p))
            proc_env_lost(p);
        else if (p->kill_overdue)
            enforce(p);
    }
    return clock_monotonic_ns() + LOOK_NS;
}
