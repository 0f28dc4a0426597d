/*
 * large.c: entries of 2 MiB, where madvise(MADV_HUGEPAGE) asked for them.
 *
 * Holds:    a large entry lies in one region, which is private memory without a file. The page table that would hang in its place is noted
 *           in struct mm as a spare (pagetable.c): so an entry can always be split, even when there is no memory left.
 *           Who changes all that an entry covers changes it as a whole: unmapping, protecting, forking. For a part it is split first.
 * Not here: where 512 frames in a row come from (base/blocks.c).
 */
#include "aegis/sys.h"
#include "base/blocks.h"
#include "base/uaccess.h"
#include "start/session.h"
#include "thread/turn.h"
#include "vm/large.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define LARGE 1ull                  /* in the va of aeg_pte_op */

/* Replaces a large entry; what stood there, AEG_PTE_PS and all. */
static uint64_t
large_set(uint64_t space, uint64_t va, uint64_t pte)
{
    struct aeg_pte_op op = { va | LARGE, pte };
    uint64_t done = 0;
    aeg_err_t err = aeg_pte_set(space, CAPS, &op, 1, &done);

    if (err != AEG_OK)
        EXO_PANIC("large entry %lx for %lx refused: error %u", pte, va, err);
    return op.pte;
}

static uint64_t
block_of(uint64_t entry)
{
    return (entry & AEG_PTE_ADDR) >> PAGE_SHIFT;
}

static void
block_gone(struct mm *mm, uint64_t entry)
{
    mm->large--;
    mm->resident -= BLOCK_FRAMES;
    frame_block_drop(block_of(entry));
}

static bool
suits(const struct region *r, uint64_t base)
{
    return r->file == NULL && !(r->flags & (REGION_SHARED | REGION_STACK)) && (r->prot & PROT_WRITE) && base >= r->start &&
           r->end - base >= BLOCK_BYTES;
}

/* Before other CPUs can see it. */
static void
block_clear(uint64_t first)
{
    for (uint64_t i = 0; i < BLOCK_FRAMES; i++)
        frame_clear(first + i);
}

bool
large_map(struct mm *mm, struct region *r, uint64_t va, uint64_t bits)
{
    uint64_t base = va & ~(BLOCK_BYTES - 1), block;
    bool zero;

    if (!suits(r, base) || !pt_vacant(base) || pt_make_upper(base) != 0 || (block = frame_block_take(&zero)) == 0)
        return false;
    if (mm_node_spare(mm, MM->space, base) != 0) {
        frame_block_give(block);
        return false;
    }
    if (!zero && threads_beside()) {
        block_clear(block);
        zero = true;
    }
    MM->last_pt = UINT64_MAX;
    r->touched = true;
    (void)large_set(MM->space, base, block << PAGE_SHIFT | bits);
    if (!zero && uaccess_zero_pages((void *)base, BLOCK_FRAMES) != 0)
        EXO_PANIC("a fresh block at %lx cannot be cleared", base);
    mm->large++;
    mm->resident += BLOCK_FRAMES;
    return true;
}

void
large_split(uint64_t va)
{
    uint64_t base = va & ~(BLOCK_BYTES - 1);

    mm_node_hang(MM->mm, MM->space, base);
    MM->mm->large--;
}

void
large_cut(uint64_t va)
{
    if (MM->mm->large != 0 && (va & (BLOCK_BYTES - 1)) && pt_span_empty(va) == SPAN_LARGE)
        large_split(va);
}

void
large_change(struct pt_walk *w, uint64_t va)
{
    uint64_t old = pt_entry(va), now = w->change != NULL ? w->change(w, va, old) & ~AEG_PTE_PS : 0;

    if (now == (old & ~AEG_PTE_PS))
        return;
    (void)large_set(MM->space, va, now);
    if (w->change == NULL)
        block_gone(MM->mm, old);
}

int
large_share(struct mm *to, uint64_t space, uint64_t va)
{
    if (mm_node_spare(to, space, va) != 0)
        return -ENOMEM;
    to->large++;
    to->resident += BLOCK_FRAMES;
    return 0;
}

void
large_drop_remote(struct mm *mm, uint64_t space, uint64_t va)
{
    struct aeg_pte_op op = { va | LARGE, 0 };
    uint64_t done = 0;

    if (aeg_pte_set(space, CAPS, &op, 1, &done) == AEG_OK && (op.pte & AEG_PTE_P))
        block_gone(mm, op.pte);
}
