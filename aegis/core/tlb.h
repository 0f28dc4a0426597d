/* tlb.h: no frame is let go while a TLB can still reach it. See tlb.c. */
#ifndef AEGIS_CORE_TLB_H
#define AEGIS_CORE_TLB_H

#include "arch/x86_64/arch.h"
#include "arch/x86_64/tlb.h"
#include "core/space.h"

/* What a CPU's TLB may hold under one PCID. The PCID is the place in the CPU's table, plus 1: 0 is the kernel's own page tables. */
struct tlb_place {
    aeg_id_t space;             /* whose translations they are; 0: nobody's yet */
    uint64_t own, shared;       /* the generations that they are no older than */
};

extern bool tlb_tagged;         /* the CPU has PCIDs */
extern bool tlb_single;         /* and can flush one page of another's (INVPCID) */
extern bool tlb_elsewhere;      /* other PCIDs, or other CPUs, may have what this one has flushed */

void tlb_init(void);
/* Whatever has changed is known to all CPUs when this returns. The end of a turn does it, before anybody else can find what was let go. */
void tlb_settle(struct cpu *cpu);

/* The low bits of CR3 for a space that this CPU is about to load, and CR3_KEEP where nothing has changed since it was loaded last. */
uint64_t tlb_tag(struct cpu *cpu, const struct space *s);

/* From now on this CPU runs `s`. Whoever changes its entries hears so before the tables are loaded, for loading CR3 serializes. */
static inline void
tlb_load(struct cpu *cpu, struct space *s)
{
    uint64_t cr3 = s->pml4 << FRAME_SHIFT;

    cpu->space = s;
    if (__builtin_expect(tlb_tagged, false))
        cr3 |= tlb_tag(cpu, s);
    arch_load_cr3(cr3);
}

/* From now on this CPU runs no space. */
static inline void
tlb_load_none(struct cpu *cpu)
{
    arch_load_cr3(direct_unmap(kernel_pml4));
    cpu->space = NULL;
}

/* For tlb_flush_page where there are PCIDs or CPUs that are to be told. Callable with user memory open. */
void tlb_page_changed(struct space *s, uint64_t va);

/*
 * The 4 KiB entry for va in `s`, which was present, has changed. After this nothing on this CPU is translated by the old one, and after the
 * turn nothing anywhere: a frame that was let go meanwhile is nobody else's before.
 */
static inline void
tlb_flush_page(struct space *s, uint64_t va)
{
    arch_flush_page(va);
    if (__builtin_expect(tlb_elsewhere, false))
        tlb_page_changed(s, va);
}

/* Entries of any level 1 and 2, in nodes of any space, have changed. */
void tlb_flush_everywhere(void);

/*
 * The same for an entry of `level` from 2 up, which named a node or a large page: translations below it, paths to them, and the window. Level 1:
 * for any entries of the node that covers va.
 */
void tlb_flush_below(struct space *s, uint64_t va, unsigned level);

#endif
