/*
 * pte_large.c: entries of 2 MiB and 1 GiB.
 *
 * Holds:    a large entry references each of its frames once, as the smaller ones in its place would. One of 2 MiB is checked and bound
 *           frame by frame. One of 1 GiB has 262144 frames, too many for a call; so it takes the place of the node with the 512 entries that
 *           make it up: they were checked when they were set, as many at a time as the library liked, and their references become its own.
 *           The way back is the same: a node that is attached with AEG_ATTACH_SPLIT takes the place of a large entry and is full from the
 *           start. Both look at 512 entries and change no count but the node's.
 * Not here: which frames may be bound (pte.c).
 */
#include "arch/x86_64/arch.h"
#include "core/cap.h"
#include "core/info.h"
#include "core/pte.h"
#include "core/revoke.h"
#include "core/tlb.h"

/* What is to stand where. */
struct large {
    unsigned level;
    uint64_t va, pte;
    uint64_t *entry, was;
    aeg_frame_t parent;         /* the node that holds the entry */
    aeg_frame_t joined;         /* the node that it takes the place of; 0: none */
};

bool
pte_size_valid(unsigned level)
{
    return level <= 2 || (level == 3 && (info->cpu_features & AEG_CPU_1GIB));
}

/* Those that have the mark of the first are plain and have its guard: only the others are looked at one by one. */
static aeg_err_t
frames_check(const struct pte_binding *b, const struct large *l)
{
    aeg_frame_t first = pte_frame(l->pte);
    struct aeg_frame_info *f = frame_at(first), *end = f + FRAMES_PER_2M;
    aeg_err_t err = first < frame_count - MIN(frame_count, FRAMES_PER_2M - 1ull) ? frame_mappable(first, b->cap, rights_asked(l->pte)) : AEG_ERR_FRAME;
    uint64_t mark;

    if (err != AEG_OK)
        return err;
    mark = f->base = guard_mark(f->guard);
#pragma GCC unroll 8
    for (; f != end; f++)
        if (f->base != mark && (err = frame_mappable(f - frame_table, b->cap, rights_asked(l->pte))) != AEG_OK)
            return err;
    return AEG_OK;
}

/* One reference more to each of the frames. */
static void
frames_ref(aeg_frame_t first)
{
    struct aeg_frame_info *f = frame_at(first), *end = f + FRAMES_PER_2M;

#pragma GCC unroll 8
    for (; f != end; f++)
        f->refs++;
}

/* One less. Nothing can reach them by this entry any more. */
static void
frames_unref(aeg_frame_t first)
{
    struct aeg_frame_info *f = frame_at(first), *end = f + FRAMES_PER_2M;

    for (; f != end; f++) {
        AEG_ASSERT(f->refs != 0);
        if (f->type == AEG_FRAME_PLAIN)
            f->refs--;
        else
            frame_unref(f - frame_table);
    }
}

/*
 * A node hangs there. Its entries must be those that the large one stands for, and allow what it asks; whether one of them was used since is
 * not forgotten.
 */
static aeg_err_t
join_check(const struct pte_binding *b, struct large *l)
{
    aeg_frame_t node = pte_frame(l->was), frame = pte_frame(l->pte);
    uint64_t must = AEG_PTE_P | (l->level == 3 ? AEG_PTE_PS : 0) | (l->pte & AEG_PTE_W), used = 0;
    const uint64_t *piece = frame_map(node);

    if (!(l->pte & AEG_PTE_P) || frame_at(node)->refs != 1)
        return AEG_ERR_NODE_TAKEN;
    if (!cap_allows(b->cap, frame_at(node)->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    for (unsigned i = 0; i < PT_ENTRIES; i++, frame += pte_frames(l->level - 1)) {
        if ((piece[i] & must) != must || pte_frame(piece[i]) != frame)
            return AEG_ERR_NODE_TAKEN;
        used |= piece[i] & (AEG_PTE_A | AEG_PTE_D);
    }
    l->pte |= used;
    l->joined = node;
    return AEG_OK;
}

/* Other bits for the frames that stand there already. */
static inline bool
same_frames(const struct large *l)
{
    return (l->was & l->pte & AEG_PTE_P) && !((l->was ^ l->pte) & AEG_PTE_ADDR);
}

static aeg_err_t
large_check(const struct pte_binding *b, struct large *l)
{
    if (!l->entry)
        return AEG_ERR_NO_NODE;
    if (!cap_allows(b->cap, frame_at(l->parent)->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    if (pte_frame(l->pte) % pte_frames(l->level) != 0)
        return AEG_ERR_VA_ALIGN;
    l->was = *l->entry;
    if ((l->was & (AEG_PTE_P | AEG_PTE_PS)) == AEG_PTE_P)
        return join_check(b, l);
    if (l->level == 2)
        return l->pte & AEG_PTE_P ? frames_check(b, l) : AEG_OK;
    if (l->was & AEG_PTE_P)
        return same_frames(l) && !(l->pte & ~l->was & AEG_PTE_W) ? AEG_OK : AEG_ERR_NODE_TAKEN;
    return l->pte & AEG_PTE_P ? AEG_ERR_NO_NODE : AEG_OK;
}

/* No processor may have the old size and the new one at once (Intel SDM vol. 3A, 4.10.2.3). */
static void
entry_change_size(struct space *s, uint64_t va, unsigned level, uint64_t *entry, uint64_t pte)
{
    *(volatile uint64_t *)entry = 0;
    tlb_flush_below(s, va, level);
    tlb_settle(this_cpu());
    *(volatile uint64_t *)entry = pte;
    space_epoch++;
    repossess_moved(s->account);
}

static void
join(struct space *s, const struct large *l)
{
    entry_change_size(s, l->va, l->level, l->entry, l->pte);
    frame_leave_node(l->joined);
    frame_unref(l->joined);
}

static void
replace(struct space *s, const struct large *l)
{
    bool counts = l->level == 2 && !same_frames(l);     /* a 1 GiB entry keeps its frames */

    if (counts && (l->pte & AEG_PTE_P))
        frames_ref(pte_frame(l->pte));
    *(volatile uint64_t *)l->entry = l->pte;
    frame_at(l->parent)->live += (uint32_t)(l->pte & AEG_PTE_P) - (uint32_t)(l->was & AEG_PTE_P);
    if (!(l->was & AEG_PTE_P))
        return;
    tlb_flush_below(s, l->va, l->level);
    if (counts)
        frames_unref(pte_frame(l->was));
}

aeg_err_t
pte_set_large(struct pte_binding *b, const struct aeg_pte_op *op, struct uaddr at)
{
    struct large l = { .level = (op->va & AEG_VA_SIZE_MASK) + 1, .va = op->va & ~(FRAME_SIZE - 1ull), .pte = op->pte };
    aeg_err_t err;

    l.entry = pt_walk(b->target, l.va, l.level, &l.parent);
    err = large_check(b, &l);
    if (err != AEG_OK)
        return err;
    if (!copy_out((struct uaddr){ at.v + offsetof(struct aeg_pte_op, pte) }, &l.was, sizeof(l.was)))
        return AEG_ERR_BAD_ADDRESS;
    if (l.pte & AEG_PTE_P)
        l.pte |= AEG_PTE_PS;
    if (l.joined)
        join(b->target, &l);
    else
        replace(b->target, &l);
    return AEG_OK;
}

void
pte_split(struct space *s, uint64_t va, uint64_t *entry, aeg_frame_t node, unsigned level, uint64_t bits)
{
    uint64_t piece = (*entry & ~(AEG_PTE_ADDR | AEG_PTE_PS)) | (level == 2 ? AEG_PTE_PS : 0);
    aeg_frame_t frame = pte_frame(*entry);
    uint64_t *table = frame_map(node);

    for (unsigned i = 0; i < PT_ENTRIES; i++, frame += pte_frames(level))
        table[i] = frame << FRAME_SHIFT | piece;
    frame_at(node)->live = PT_ENTRIES;
    entry_change_size(s, va, level + 1, entry, node << FRAME_SHIFT | bits);
}

bool
pte_sweep(uint64_t *entry, unsigned level, uint32_t *budget)
{
    uint32_t step = level == 1 ? 1 : FRAMES_PER_2M;

    do {
        if (*budget < step)
            return false;
        *budget -= step;
        pte_unref(*entry, MIN(level, 2u));
        *entry += (uint64_t)step << FRAME_SHIFT;
    } while (pte_frame(*entry) % pte_frames(level) != 0);
    return true;
}
