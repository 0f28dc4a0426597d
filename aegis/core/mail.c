/*
 * mail.c: what one CPU wants of another at once, whatever that is doing: that its TLB forgets pages, that it leaves an env.
 *
 * Holds:    each CPU has one letter, which it writes, shows to whom it concerns, and waits until all of them have answered. A CPU in a
 *           program is interrupted; one that waits in the kernel looks by itself (mail_serve), so that two that write to each other both go on.
 *           Nobody who is in his turn and does not wait is waited for longer than that lasts.
 * Locks:    none: a letter is its writer's until a reader's bit is set, and again when `unanswered` is 0.
 * Not here: when (tlb.c, env.c).
 */
#include "core/mail.h"
#include "core/env.h"
#include "core/info.h"
#include "core/tlb.h"

static struct letter {
    struct mail_flush flush;
    struct env *leave;          /* NULL: it is about the TLB */
    volatile uint32_t unanswered;
} letters[CPU_MAX];

static_assert(CPU_MAX <= 32, "struct cpu.mail");

static void
flush(struct cpu *cpu, const struct mail_flush *f)
{
    if (!cpu->space || (f->space != 0 && cpu->space->id != f->space))
        return;
    if (f->pages == 0)
        arch_flush_loaded();
    for (uint32_t i = 0; i < f->pages; i++)
        arch_flush_page(f->va[i]);
}

void
mail_open(struct cpu *cpu)
{
    uint32_t from = __atomic_exchange_n(&cpu->mail, 0, __ATOMIC_SEQ_CST);

    for (; from; from &= from - 1) {
        struct letter *l = &letters[__builtin_ctz(from)];

        if (!l->leave)
            flush(cpu, &l->flush);
        else if (cpu->env == l->leave)
            slice_leave(cpu);
        if (__atomic_sub_fetch(&l->unanswered, 1, __ATOMIC_SEQ_CST) == 0)
            wait_over(&cpus[__builtin_ctz(from)]);
    }
}

/* The letter of this CPU goes to those whose bits are set. */
static void
deliver(struct cpu *cpu, uint32_t to)
{
    struct letter *l = &letters[cpu->index];
    uint32_t readers = 0;
    uint64_t turns = 0;

    for (uint32_t left = to; left; left &= left - 1)
        readers++;
    __atomic_store_n(&l->unanswered, readers, __ATOMIC_SEQ_CST);
    for (; to; to &= to - 1) {
        struct cpu *other = &cpus[__builtin_ctz(to)];

        __atomic_or_fetch(&other->mail, 1u << cpu->index, __ATOMIC_SEQ_CST);
        ipi_mail(other);
    }
    WAIT_WHILE(cpu, turns, l->unanswered)
}

/* What changed was stored before this looks who runs; a CPU says whom it runs before it loads his tables (tlb_load). */
void
mail_flush(const struct mail_flush *f)
{
    struct cpu *cpu = this_cpu();
    uint32_t to = 0;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        const struct space *s = __atomic_load_n(&cpus[i].space, __ATOMIC_SEQ_CST);

        if (&cpus[i] != cpu && s && (f->space == 0 || s->id == f->space))
            to |= 1u << i;
    }
    if (to == 0)
        return;
    letters[cpu->index].flush = *f;
    letters[cpu->index].leave = NULL;
    deliver(cpu, to);
}

void
mail_leave(struct env *e)
{
    struct cpu *cpu = this_cpu();

    letters[cpu->index].leave = e;
    deliver(cpu, 1u << (e->on_cpu - 1));
}
