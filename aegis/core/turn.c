/*
 * turn.c: who may be in the kernel at the same time, where several CPUs run envs.
 *
 * Holds:    each CPU is in the kernel beside others or alone. Calls that are made all the time run beside each other, and lock what they
 *           touch (lockrank.h). Calls that make and unmake objects, and whatever takes a CPU from one env to another, run alone: they need
 *           no lock, and nobody else ever sees them half done. So an object that was found beside others stays until the turn ends.
 *           Whoever is beside others says so in its own struct cpu; who wants to be alone says so to all, and waits until they have left.
 *           Calls that give the CPU to another env are beside others, but one at a time (sched_lock), unless a slice begins.
 *           What needs no turn: a null call, a foreign system call, a fault on its way to the library, mail. They touch the CPU's own env.
 *           The boot CPU is alone until it runs the first env.
 * Locks:    comes before every other lock, whatever its rank: none is held when a turn begins or ends.
 * Not here: which calls are of which kind (call_turn.c).
 */
#include "core/turn.h"
#include "core/env.h"
#include "core/info.h"
#include "core/lockrank.h"
#include "core/mail.h"
#include "core/tlb.h"

bool cpus_many;
static struct spinlock sched_lock = SPINLOCK(LOCK_SCHED);
static volatile uint32_t alone;     /* the CPU, plus 1, that is alone, or waits until it is; 0: none */

static void
wait_while_alone(struct cpu *cpu)
{
    uint64_t turns = 0;

    cpu->waits_turn = true;
    WAIT_WHILE(cpu, turns, alone)
    cpu->waits_turn = false;
    lock_waited(LOCK_TURN, turns);
}

/* Whoever waits until all have left may be waiting for this one. */
static void
beside_end(struct cpu *cpu)
{
    uint32_t who;

    __atomic_store_n(&cpu->turn, TURN_NONE, __ATOMIC_SEQ_CST);
    who = __atomic_load_n(&alone, __ATOMIC_SEQ_CST);
    if (who != 0)
        wait_over(&cpus[who - 1]);
}

/* Nobody is alone: one of those that sleep until then is woken, if any, who will wake the next; the others look by themselves. */
static void
wake_next(const struct cpu *cpu)
{
    uint32_t count = info->cpu_count;

    for (uint32_t i = 1; i < count; i++) {
        const struct cpu *next = &cpus[(cpu->index + i) % count];

        if (!next->waits_turn || !next->dozes)
            continue;
        ipi_mail(next);
        return;
    }
}

static void
alone_end(struct cpu *cpu)
{
    cpu->turn = TURN_NONE;
    __atomic_store_n(&alone, 0, __ATOMIC_SEQ_CST);
    wake_next(cpu);
}

void
turn_beside(struct cpu *cpu)
{
    bool waited = false;

    AEG_ASSERT(cpu->turn == TURN_NONE);
    for (;; waited = true) {
        __atomic_store_n(&cpu->turn, TURN_BESIDE, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&alone, __ATOMIC_SEQ_CST))
            break;
        beside_end(cpu);
        wait_while_alone(cpu);
    }
    if (waited)
        wake_next(cpu);         /* who may come in, too */
}

/* Everybody else has left the kernel, or waits to come in. */
static void
wait_for_others(struct cpu *cpu)
{
    uint64_t turns = 0;

    for (uint32_t i = 0; i < info->cpu_count; i++) {
        WAIT_WHILE(cpu, turns, cpus[i].turn != TURN_NONE)
    }
    lock_waited(LOCK_TURN, turns);
}

static bool
take_alone(const struct cpu *cpu)
{
    uint32_t nobody = 0;

    return __atomic_compare_exchange_n(&alone, &nobody, cpu->index + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void
turn_alone(struct cpu *cpu)
{
    if (cpu->turn == TURN_ALONE)
        return;
    if (cpu->turn != TURN_NONE)
        turn_end(cpu);
    while (!take_alone(cpu))
        wait_while_alone(cpu);
    wait_for_others(cpu);
    cpu->turn = TURN_ALONE;
}

bool
sched_enter(void)
{
    struct cpu *cpu = this_cpu();

    if (cpu->turn != TURN_BESIDE || cpu->sched)
        return false;
    spin_lock(&sched_lock);
    cpu->sched = true;
    return true;
}

void
sched_leave(void)
{
    this_cpu()->sched = false;
    spin_unlock(&sched_lock);
}

void
turn_sched(struct cpu *cpu)
{
    turn_beside(cpu);
    (void)sched_enter();
}

void
turn_upgrade(struct cpu *cpu)
{
    turn_alone(cpu);
    if (!cpu->env)
        sched_run();
}

void
turn_end(struct cpu *cpu)
{
    enum turn was = cpu->turn;
    uint32_t wakes = cpu->wakes;

    if (was == TURN_NONE)
        return;
    if (cpu->sched)
        sched_leave();
    AEG_ASSERT(cpu->locks_held == 0);
    tlb_settle(cpu);
    cpu->wakes = 0;
    if (was == TURN_ALONE)
        alone_end(cpu);
    else
        beside_end(cpu);
    for (; wakes; wakes &= wakes - 1)
        ipi_wake(&cpus[__builtin_ctz(wakes)]);
}

void
turn_wakes(const struct cpu *other)
{
    if (other != this_cpu())
        this_cpu()->wakes |= 1u << other->index;
}

void
turn_wakes_idle(void)
{
    for (uint32_t i = 0; i < info->cpu_count; i++)
        if (cpus[i].idle && cpus[i].homes != 0)
            turn_wakes(&cpus[i]);
}
