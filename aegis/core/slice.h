/* slice.h: what slice.c, slice_run.c and slice_end.c ask of each other. */
#ifndef AEGIS_CORE_SLICE_H
#define AEGIS_CORE_SLICE_H

#include "core/env.h"

extern uint64_t slice_grace_ticks;      /* what a library gets after slice end to save what it wants */

/* The time until now was for whoever ran; from now on it is for run_tsc. */
static inline __attribute__((always_inline)) void
time_goes_to(struct cpu *cpu, uint64_t *run_tsc)
{
    uint64_t now = arch_tsc_unordered();

    *cpu->time_of += now - cpu->time_since_tsc;
    cpu->time_of = run_tsc;
    cpu->time_since_tsc = now;
}

extern uint8_t slice_idle_uenv[];       /* of a CPU that runs nobody */

/*
 * Whom the home's slice goes to: its runner, or the home itself; in their place whoever has their call in hand. Nobody, when that one is
 * running on another CPU: a home's slices are had one at a time.
 */
struct env *slice_home_pick(struct env *home);
/* The next position with somebody to run, from the one after the current; NULL: nobody. Penalties are paid to others, not to nobody. */
struct env *slice_advance(struct cpu *cpu);
/* The running slice ends in a slice's time from now. */
void slice_begin(struct cpu *cpu);
/* Begins the next slice: of whom the vector says, or of `otherwise`; NULL: there is nobody, and no slice. */
struct env *slice_next(struct cpu *cpu, struct env *otherwise);
/* The CPU is e's from now on, and goes on there. */
noreturn void slice_enter(struct cpu *cpu, struct env *e);
/* Is anybody on this CPU's vector kept waiting: another home, or whom the running one means, its callee having outstayed the call? */
bool slice_others_wait(const struct cpu *cpu);

#endif
