/* turn.h: who may be in the kernel at the same time, where several CPUs run envs. See turn.c. */
#ifndef AEGIS_CORE_TURN_H
#define AEGIS_CORE_TURN_H

#include "arch/x86_64/arch.h"

extern bool cpus_many;          /* several CPUs run envs; set before the others do anything */

/* From now on this CPU is in the kernel beside others that lock what they touch, or alone; whichever it was before. */
void turn_beside(struct cpu *cpu);
void turn_alone(struct cpu *cpu);
/* Beside others, but nobody else changes who runs where. */
void turn_sched(struct cpu *cpu);
/* It turns out that the rest must be done alone. Whatever was found before may be gone; does not come back if the caller is. */
void turn_upgrade(struct cpu *cpu);
/* Inside any turn: who may run is going to change. True: until sched_leave; false: nobody else can change it anyway. */
bool sched_enter(void);
void sched_leave(void);
/* It is about to leave. What it changed is known to all TLBs first; then those are woken who have something to do. */
void turn_end(struct cpu *cpu);

/* Around a call (many.asm). Does not come back when the caller has been destroyed while it waited. */
void call_begin(uint32_t number);
void call_end(void);

/* A CPU that is idle, or whose env has something pending, is interrupted when this turn ends. */
void turn_wakes(const struct cpu *other);
/* An env has become ready: so are the CPUs that have nothing to do, but might have with it. */
void turn_wakes_idle(void);

#endif
