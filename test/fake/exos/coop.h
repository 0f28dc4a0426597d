/*
 * coop.h: a session on the host: cooperative threads that sleep and wake as ExOS's do, a clock that jumps to the next deadline when
 * nobody can run, memory that is counted, locks whose rank order is checked, and descriptors.
 *
 * Include it after the system's headers.
 */
#ifndef FAKE_EXOS_COOP_H
#define FAKE_EXOS_COOP_H

#include "base/base.h"
#include "proc/proc.h"

#define COOP_THREADS_MAX 64

void coop_reset(void);
void coop_spawn(void (*fn)(void *arg), void *arg);
/* Runs until every thread has returned. False: all that are left sleep for ever. */
bool coop_run(void);
/* From a thread: lets the others run. */
void coop_yield(void);
/* From a thread: sleeps. */
void coop_sleep_ns(uint64_t ns);

/* Called before every sleep of the scheduler, like ExOS's due work; returns the next deadline. NULL: none. */
extern uint64_t (*coop_due_work)(void);
extern uint64_t coop_clock_ns;

/* What is allocated now, and the signals that were sent. */
extern unsigned coop_heap_objects, coop_pages, coop_files;
extern uint64_t coop_signals;
/* Allocations from now on fail once this many more were made; negative: never. */
extern int coop_alloc_budget;
/* The thread that runs counts as interrupted by a signal from now on. */
extern bool coop_interrupt;

/* Chance begins again. The seed is not 0. */
void coop_seed(uint64_t seed);

/* Closes every descriptor. */
void coop_close_all(void);

#endif
