/*
 * spin.c: spinlocks, taken in rising rank order.
 *
 * Debug builds remember the ranks that this CPU holds and panic when one is taken out of order or twice. Who waits serves its mail, and
 * is counted: nothing is counted while nobody waits.
 * Not here: which lock protects what (lockrank.h and the file that owns it).
 */
#include "arch/x86_64/arch.h"
#include "core/lockrank.h"
#include "core/mail.h"

#define SPIN_MAX 10000000000ull     /* turns after which the holder must be dead */

static const struct {
    uint32_t rank;
    char name[16];
} kinds[] = {
#define AEG_LOCK(rank, name, what) { rank, #name },
#include "aegis/locks.def"
#undef AEG_LOCK
};
static struct aeg_lock_info *lock_info;

void
locks_init(void)
{
    lock_info = frame_map(frame_boot_alloc(1));
    static_assert(sizeof(kinds) / sizeof(kinds[0]) * sizeof(*lock_info) <= FRAME_SIZE, "one page");
    for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        lock_info[i].rank = kinds[i].rank;
        memcpy(lock_info[i].name, kinds[i].name, sizeof(lock_info[i].name));
    }
    info->locks = (struct aeg_table){ info_expose(lock_info, FRAME_SIZE), ARRAY_SIZE(kinds), sizeof(*lock_info) };
}

void
lock_waited(uint32_t rank, uint64_t turns)
{
    uint32_t i = 0;

    while (i < ARRAY_SIZE(kinds) && kinds[i].rank != rank)
        i++;
    if (turns == 0 || !lock_info || i == ARRAY_SIZE(kinds))
        return;
    __atomic_add_fetch(&lock_info[i].waits, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&lock_info[i].turns, turns, __ATOMIC_RELAXED);
}

#define RANK_BIT(rank) ((rank) / 2u)
#define AEG_LOCK(rank, name, what) + (1ull << RANK_BIT(rank))
static_assert(__builtin_popcountll(0
#include "aegis/locks.def"
    ) == ARRAY_SIZE(kinds), "every rank has a bit of its own");
#undef AEG_LOCK

#ifdef AEGIS_DEBUG
static uint32_t
rank_of_bit(uint32_t bit)
{
    uint32_t i = 0;

    while (i < ARRAY_SIZE(kinds) - 1 && RANK_BIT(kinds[i].rank) != bit)
        i++;
    return kinds[i].rank;
}

static void
rank_push(struct cpu *cpu, uint32_t rank)
{
    uint64_t higher = cpu->locks_held >> RANK_BIT(rank);

    if (higher != 0)
        panic("lock of rank %u taken while one of rank %u is held", rank, rank_of_bit(RANK_BIT(rank) + (uint32_t)__builtin_ctzll(higher)));
    cpu->locks_held |= 1ull << RANK_BIT(rank);
}

static void
rank_remove(struct cpu *cpu, uint32_t rank)
{
    AEG_ASSERT(cpu->locks_held >> RANK_BIT(rank) & 1);
    cpu->locks_held &= ~(1ull << RANK_BIT(rank));
}
#else
static void rank_push(struct cpu *cpu, uint32_t rank) { (void)cpu, (void)rank; }
static void rank_remove(struct cpu *cpu, uint32_t rank) { (void)cpu, (void)rank; }
#endif

static __attribute__((noinline)) void
spin_wait(struct spinlock *l)
{
    uint64_t turn = 0;

    do {
        for (; l->held && turn < SPIN_MAX; turn++) {
            mail_serve(this_cpu());
            __builtin_ia32_pause();
        }
        if (turn == SPIN_MAX)
            panic("lock of rank %u was never released", l->rank);
    } while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE));
    lock_waited(l->rank, turn + 1);
}

void
spin_lock(struct spinlock *l)
{
    rank_push(this_cpu(), l->rank);
    if (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        spin_wait(l);
}

void
spin_unlock(struct spinlock *l)
{
    AEG_ASSERT(l->held);
    rank_remove(this_cpu(), l->rank);
    __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}
