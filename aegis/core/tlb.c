/*
 * tlb.c: what TLBs may still hold of entries that have changed.
 *
 * Holds:    references drop only after the flush has completed everywhere. Without PCIDs a TLB holds the loaded space alone: the flush is
 *           of that one, if the change reaches it. With PCIDs it may hold any space that ran lately, so changes are counted: each space has
 *           a generation, and there is one for entries that several spaces have, below a node with several references. A CPU notes under
 *           each PCID those it has seen, and loads a space without a flush only when they have not moved on since.
 *           The PCID of a space is the index of its id and 1: every space can have its own, and an id never comes back, so that a new space
 *           in an old one's place is told by its id.
 * Locks:    none: calls run one at a time, on one CPU. Where several run envs, the generation goes up first; then an interrupt goes to those
 *           others whose `space` is the changed one (any, for a shared entry), one for a batch, before the references drop; and a CPU sets
 *           `space` before it reads the generations, so that it either sees the new one or gets the interrupt.
 * Not here: which entries change (pte.c, pte_fast.c, pte_copy.c, pt.c). Entries that were not present are in no TLB.
 */
#include "core/tlb.h"
#include "core/frame.h"
#include "core/info.h"
#include "core/pt.h"

bool tlb_tagged, tlb_single;
static uint64_t shared_generation = 1;

void
tlb_init(void)
{
    uint64_t bytes = SPACE_MAX * sizeof(struct tlb_place);

    static_assert(SPACE_MAX < 4095, "PCIDs have 12 bits");
    tlb_tagged = info->cpu_features & AEG_CPU_PCID;
    tlb_single = tlb_tagged && (info->cpu_features & AEG_CPU_INVPCID);
    for (uint32_t i = 0; tlb_tagged && i < info->cpu_count; i++)
        cpus[i].tlb = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
}

static uint64_t
pcid_of(const struct space *s)
{
    return AEG_ID_INDEX(s->id) + 1;
}

static struct tlb_place *
place_of(struct cpu *cpu, const struct space *s)
{
    return &cpu->tlb[AEG_ID_INDEX(s->id)];
}

uint64_t
tlb_tag(struct cpu *cpu, const struct space *s)
{
    struct tlb_place *p = place_of(cpu, s);
    bool same = p->space == s->id && p->own == s->tlb_generation && p->shared == shared_generation;

    *p = (struct tlb_place){ s->id, s->tlb_generation, shared_generation };
    return pcid_of(s) | (same ? CR3_KEEP : 0);
}

/* Do other spaces have the entry of `level` for va, too? */
static bool
entry_shared(const struct space *s, uint64_t va, unsigned level)
{
    aeg_frame_t node = s->pml4;

    for (unsigned l = 4; l > level; l--) {
        node = (((uint64_t *)frame_map(node))[va >> (3 + 9 * l) & (PT_ENTRIES - 1)] & AEG_PTE_ADDR) >> FRAME_SHIFT;
        if (frame_at(node)->refs > 1)
            return true;
    }
    return false;
}

/* A generation goes up. This CPU, having flushed what the change was about, has seen it if it had seen the one before. */
static void
count_change(uint64_t *generation, uint64_t *seen)
{
    (*generation)++;
    if (seen && *seen == *generation - 1)
        *seen = *generation;
}

/* The loaded space has been flushed of the change; every other one will be before it is loaded. */
static void
entry_changed(struct space *s, uint64_t va, unsigned level)
{
    struct cpu *cpu = this_cpu();

    if (entry_shared(s, va, level))
        count_change(&shared_generation, &place_of(cpu, cpu->space)->shared);
    else
        count_change(&s->tlb_generation, s == cpu->space ? &place_of(cpu, s)->own : NULL);
}

void
tlb_page_changed(struct space *s, uint64_t va)
{
    struct cpu *cpu = this_cpu();
    struct tlb_place *p = place_of(cpu, s);

    if (tlb_single && s != cpu->space && p->space == s->id && !entry_shared(s, va, 1)) {
        arch_flush_page_of(pcid_of(s), va);
        count_change(&s->tlb_generation, &p->own);
    } else {
        entry_changed(s, va, 1);
    }
}

void
tlb_flush_everywhere(void)
{
    struct cpu *cpu = this_cpu();

    arch_flush_loaded();
    if (tlb_tagged)
        count_change(&shared_generation, &place_of(cpu, cpu->space)->shared);
}

void
tlb_flush_below(struct space *s, uint64_t va, unsigned level)
{
    arch_flush_loaded();
    if (tlb_tagged)
        entry_changed(s, va, level);
}
