/*
 * spin.c: spinlocks, taken in rising rank order.
 *
 * Debug builds remember the ranks that this CPU holds and panic when one is taken out of order or twice.
 * Not here: which lock protects what (lockrank.h and the file that owns it).
 */
#include "arch/x86_64/arch.h"

#define SPIN_MAX 100000000ull       /* turns after which the holder must be dead */

#ifdef AEGIS_DEBUG
static void
rank_push(struct cpu *cpu, uint32_t rank)
{
    if (cpu->lock_depth > 0 && cpu->lock_rank[cpu->lock_depth - 1] >= rank)
        panic("lock of rank %u taken while one of rank %u is held", rank, cpu->lock_rank[cpu->lock_depth - 1]);
    AEG_ASSERT(cpu->lock_depth < ARRAY_SIZE(cpu->lock_rank));
    cpu->lock_rank[cpu->lock_depth++] = rank;
}

static void
rank_remove(struct cpu *cpu, uint32_t rank)
{
    uint32_t i = cpu->lock_depth;

    while (i > 0 && cpu->lock_rank[i - 1] != rank)
        i--;
    AEG_ASSERT(i > 0);
    for (; i < cpu->lock_depth; i++)
        cpu->lock_rank[i - 1] = cpu->lock_rank[i];
    cpu->lock_depth--;
}
#else
static void rank_push(struct cpu *cpu, uint32_t rank) { (void)cpu, (void)rank; }
static void rank_remove(struct cpu *cpu, uint32_t rank) { (void)cpu, (void)rank; }
#endif

void
spin_lock(struct spinlock *l)
{
    rank_push(this_cpu(), l->rank);
    for (uint64_t turn = 0; __atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE); turn++) {
        if (turn == SPIN_MAX)
            panic("lock of rank %u was never released", l->rank);
        while (l->held && turn < SPIN_MAX) {
            __builtin_ia32_pause();
            turn++;
        }
    }
}

void
spin_unlock(struct spinlock *l)
{
    AEG_ASSERT(l->held);
    rank_remove(this_cpu(), l->rank);
    __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}
