/*
 * tlb.c: what TLBs may still hold of entries that have changed.
 *
 * Holds:    references drop only after the flush has completed everywhere. Without PCIDs a TLB holds the loaded space alone: the flush is
 *           of that one, if the change reaches it. With PCIDs it may hold any space that ran lately, so changes are counted: each space has
 *           a generation, and there is one for entries that several spaces have, below a node with several references. A CPU notes under
 *           each PCID those it has seen, and loads a space without a flush only when they have not moved on since.
 *           The PCID of a space is the index of its id and 1: every space can have its own, and an id never comes back, so that a new space
 *           in an old one's place is told by its id.
 *           Where several CPUs run envs, each gathers what it has changed (struct tlb_news); before its turn ends, mail goes to those others
 *           whose `space` is the changed one (any, for a shared entry). So there is one interrupt for a call, and nobody finds a frame
 *           free, or a node gone, that another TLB may still reach. A CPU sets `space` before it reads the generations: it either sees the
 *           new one or gets the mail.
 * Locks:    none: generations only rise, by atomic additions.
 * Not here: which entries change (pte.c, pte_fast.c, pte_copy.c, pt.c). Entries that were not present are in no TLB.
 */
#include "core/tlb.h"
#include "core/frame.h"
#include "core/info.h"
#include "core/mail.h"
#include "core/pt.h"
#include "core/turn.h"

bool tlb_tagged, tlb_single, tlb_elsewhere;
static uint64_t shared_generation = 1;

/* What a CPU has changed in this turn, for the others to hear. */
struct tlb_news {
    bool any;
    struct mail_flush flush;
};
static struct tlb_news news[CPU_MAX];

void
tlb_init(void)
{
    uint64_t bytes = SPACE_MAX * sizeof(struct tlb_place);

    static_assert(SPACE_MAX < 4095, "PCIDs have 12 bits");
    tlb_tagged = info->cpu_features & AEG_CPU_PCID;
    tlb_single = tlb_tagged && (info->cpu_features & AEG_CPU_INVPCID);
    tlb_elsewhere = tlb_tagged || cpus_many;
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (tlb_tagged)
            cpus[i].tlb = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
        cpus[i].news = &news[i];
    }
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
    struct tlb_place *p = place_of(cpu, s), now;
    bool same;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);    /* the caller has said that it runs s */
    now = (struct tlb_place){ s->id, s->tlb_generation, shared_generation };
    same = p->space == now.space && p->own == now.own && p->shared == now.shared;
    *p = now;
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

/* Nothing of what the others have in `space` (0: any) is true any more, or (pages == 1) nothing for one va. */
static void
news_add(struct cpu *cpu, aeg_id_t space, uint32_t pages, uint64_t va)
{
    struct mail_flush *f = &cpu->news->flush;

    if (!cpu->news->any)
        *f = (struct mail_flush){ .space = space, .pages = pages, .va = { va } };
    else if (f->space != space)
        f->space = 0, f->pages = 0;
    else if (f->pages == 0 || pages == 0 || f->pages == MAIL_PAGES)
        f->pages = 0;
    else
        f->va[f->pages++] = va;
    cpu->news->any = true;
}

void
tlb_settle(struct cpu *cpu)
{
    if (!cpu->news || !cpu->news->any)
        return;
    cpu->news->any = false;
    mail_flush(&cpu->news->flush);
}

/* A generation goes up. This CPU, having flushed what the change was about, has seen it if it had seen the one before. */
static void
count_change(uint64_t *generation, uint64_t *seen)
{
    uint64_t now = __atomic_add_fetch(generation, 1, __ATOMIC_SEQ_CST);

    if (seen && *seen == now - 1)
        *seen = now;
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

static void
tagged_page_changed(struct cpu *cpu, struct space *s, uint64_t va)
{
    struct tlb_place *p = place_of(cpu, s);

    if (tlb_single && s != cpu->space && p->space == s->id && !entry_shared(s, va, 1)) {
        arch_flush_page_of(pcid_of(s), va);
        count_change(&s->tlb_generation, &p->own);
    } else {
        entry_changed(s, va, 1);
    }
}

void
tlb_page_changed(struct space *s, uint64_t va)
{
    struct cpu *cpu = this_cpu();

    if (tlb_tagged)
        tagged_page_changed(cpu, s, va);
    if (cpus_many)
        news_add(cpu, entry_shared(s, va, 1) ? 0 : s->id, 1, va);
}

void
tlb_flush_everywhere(void)
{
    struct cpu *cpu = this_cpu();

    arch_flush_loaded();
    if (tlb_tagged)
        count_change(&shared_generation, &place_of(cpu, cpu->space)->shared);
    if (cpus_many)
        news_add(cpu, 0, 0, 0);
}

void
tlb_flush_below(struct space *s, uint64_t va, unsigned level)
{
    arch_flush_loaded();
    if (tlb_tagged)
        entry_changed(s, va, level);
    if (cpus_many)
        news_add(this_cpu(), entry_shared(s, va, level) ? 0 : s->id, 0, 0);
}
