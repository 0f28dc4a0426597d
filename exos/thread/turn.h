/* turn.h: which CPU is in the library, where several run the session's programs. See turn.c. */
#ifndef EXOS_THREAD_TURN_H
#define EXOS_THREAD_TURN_H

#include "start/session.h"
#include "thread/thread.h"

/* uenv_local.inside */
enum turn_state {
    TURN_OUTSIDE,               /* in the program, or a few instructions from it */
    TURN_WANTED,                /* in the library, waiting for its CPU's turn */
    TURN_HELD,                  /* in the library: it has the turn whenever its CPU runs it */
};

/* Several CPUs run the session. Settled before its first process starts. */
extern bool cpus_many;

/* The way in and the way out; entry.asm. */
void turn_enter(void);
void turn_leave(void);
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

/* turn.c: that CPU's home is t. */
void turn_add_cpu(unsigned cpu, struct thread *home);

#endif
