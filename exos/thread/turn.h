/* turn.h: which CPU is in the library, where several run the session's programs. See turn.c. */
#ifndef EXOS_THREAD_TURN_H
#define EXOS_THREAD_TURN_H

#include "start/session.h"
#include "thread/thread.h"

/* uenv_local.inside; entry.inc */
enum turn_state {
    TURN_OUTSIDE,               /* in the program, or a few instructions from it */
    TURN_WANTED,                /* in the library, waiting for its CPU's turn */
    TURN_HELD,                  /* in the library: it has the turn whenever its CPU runs it */
};

/* Several CPUs run the session. Settled before its first process starts. */
extern bool cpus_many;

/* Whose turn it is. Offsets: entry.inc. CPUs are bits but where they are told as their number plus 1. */
extern struct turn {
    uint32_t owner;             /* the CPU that is in the library; 0: none */
    uint32_t last;              /* whose state `sched` is */
    uint32_t sleepers;          /* whose homes sleep until it is their turn */
    uint32_t woken;             /* plus 1: who of `idle` has been told, and has not come yet: one at a time */
    uint32_t idle;              /* whose homes sleep since there was nothing to do */
    uint32_t watcher;           /* plus 1: who of `idle` wakes up when something is due */
    bool polls;                 /* and looks for what devices have done, since the first CPU does not idle */
    uint64_t watch_ns;          /* and when */
} turn;
_Static_assert(offsetof(struct turn, last) == 4 && offsetof(struct turn, sleepers) == 8, "entry.inc");

/* The way in and the way out; entry.asm, which knows the short ways: nobody is in the library, and nobody is to be told. */
void turn_enter(void);
void turn_enter_program(void);  /* from the program: the vector registers are its own */
void turn_leave(void);
/* Somebody who sleeps until the turn is free is woken. */
void turn_wake_sleeper(void);

/* It is to look up, on its way out of the library or, in its program, at once. */
static inline void
thread_attend(struct thread *t)
{
    t->attention = 1;
    turn_news.signals = 1;
}

/* thread_park_many: the env to yield to, so that the thread that has been chosen runs; 0: that one has this env now. */
uint64_t turn_send(void);
/* That yield has failed. -1: once more; 0: self has been chosen meanwhile; else the error. */
uint64_t turn_failed(uint64_t err);
/* The CPU is other sessions' until the next slice, and the library meanwhile the other CPUs', unless `keep`. */
void turn_pause(bool keep);
/* The home idles until there is something to do on its CPU. */
void turn_idle(void);
/* It runs on no CPU any more. */
void turn_forget(const struct thread *t);
/* sched_exit(): one yield of an env that is nobody's. */
void turn_rest(void);
/* Another CPU than the caller's runs its program, one that is barred to it. */
bool turn_strays(const struct thread *t);
/* It is in the library on its CPU, though it may not be that one's turn yet. */
static inline bool
turn_inside(const struct thread *t)
{
    return uenv_local(t->uenv)->inside != TURN_OUTSIDE;
}

/* The same, and it was its turn. */
static inline bool
turn_held(const struct thread *t)
{
    return uenv_local(t->uenv)->inside == TURN_HELD;
}

/* cpus.c: chooses the ways for several CPUs, if there are several; then, when the session is up, has them run it. */
void cpus_choose(void);
void cpus_start(void);
/* Every other CPU has done what it had begun in its program: for membarrier. */
void cpus_barrier(void);
/* Which one runs the caller; how many there are for the session. */
unsigned cpu_current(void);
unsigned cpu_count(void);

/* Another CPU may be running a thread in the caller's space (proc/threads.c). */
bool threads_share_space(void);
static inline bool
threads_beside(void)
{
    return cpus_many && threads_share_space();
}

/* turn.c: that CPU's home is t. */
void turn_add_cpu(unsigned cpu, struct thread *home);

#endif
