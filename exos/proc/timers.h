/*
 * timers.h: what of a process is counted against a clock: interval timers and those of timer_create(2). See timers.c.
 */
#ifndef EXOS_PROC_TIMERS_H
#define EXOS_PROC_TIMERS_H

#include "base/list.h"
#include "proc/sigqueue.h"
#include "thread/thread.h"

struct proc;

#define ITIMERS 3               /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */
#define PTIMERS_MAX 256         /* of a process, made by timer_create(2) */

/* Linux include/uapi/linux/time.h. Negative ones name a process or thread: linux/posix-timers.h. */
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC, CLOCK_PROCESS, CLOCK_THREAD, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
       CLOCK_BOOTTIME, CLOCK_TAI = 11 };

/* A clock as a process sees it. */
struct clock_ref {
    int32_t id;                 /* CLOCK_REALTIME, _MONOTONIC, _PROCESS or _THREAD */
    uint32_t of;                /* pid or tid for the last two */
};
/* 0, or -EINVAL: there is none of that number, or nobody of that id any more. */
int clock_find(int32_t id, struct clock_ref *c) MUST_USE;
uint64_t clock_now(const struct clock_ref *c);
/* The monotonic time before which that clock cannot show due_ns. */
uint64_t clock_earliest(const struct clock_ref *c, uint64_t due_ns);

struct clock_timer {
    struct timer timer;
    struct clock_ref clock;
    uint64_t due_ns, interval_ns;       /* on its clock; due 0: it is not armed */
    void (*rings)(struct clock_timer *t, uint64_t times);   /* in any env; must not sleep */
};
/* Arms it for that time of its clock, 0: disarms it. */
void clock_timer_set(struct clock_timer *t, uint64_t due_ns, uint64_t interval_ns);
/* How long until it rings; 0: it is not armed. */
uint64_t clock_timer_left(const struct clock_timer *t);

/* The interval timers of a process that begins; it has others from timer_create(2) later. */
void timers_init(struct proc *p);
/* All of a process that ends; of one that execs, those of timer_create(2). */
void timers_end(struct proc *p);
void ptimers_end(struct proc *p);

/* One of timer_create(2). */
struct ptimer {
    struct clock_timer t;       /* first */
    struct list link;           /* in proc.ptimers */
    struct proc *proc;
    int32_t id;
    int32_t notify, signo;
    uint32_t tid;               /* who gets the signal; 0: the process */
    uint64_t value;
    uint64_t overrun;           /* since the signal that is pending was sent */
    int32_t last_overrun;       /* of the one that was taken last */
    bool queued;
};
/* A new one that is not armed, or NULL: no memory, or too many. */
struct ptimer *ptimer_add(struct proc *p) MUST_USE;
struct ptimer *ptimer_find(const struct proc *p, int32_t id);
void ptimer_remove(struct ptimer *t);
/* Its signal has been taken: says how often it has rung meanwhile. */
void ptimer_taken(struct proc *p, struct siginfo_brief *info);

#endif
