/*
 * mm.c: the program's part of a space as a whole: made, emptied, used again, taken apart.
 */
#include "aegis/sys.h"
#include "base/frames.h"
#include "start/session.h"
#include "vm/map.h"

#define NODE_SPAN (1ull << 21)      /* what one page table covers */

struct mm *
mm_create(void)
{
    struct mm *mm = heap_alloc(sizeof(*mm));

    if (mm != NULL)
        region_map_init(&mm->map);
    return mm;
}

void
mm_clear(struct mm *mm)
{
    for (uint32_t i = 0; i < mm->map.count; i++)
        entries_drop(mm->map.at[i], mm->map.at[i]->start, mm->map.at[i]->end);
    region_map_free(&mm->map);
}

/* Without a window on its tables the entries are taken out blindly: what was there comes back. */
static void
region_clear_remote(struct mm *mm, struct region *r, uint64_t space)
{
    struct aeg_pte_op ops[ENTRIES_MAX];

    for (uint64_t va = r->start; va < r->end;) {
        uint64_t end = MIN(r->end, (va | (NODE_SPAN - 1)) + 1), n = MIN((end - va) / PAGE_SIZE, (uint64_t)ENTRIES_MAX), done = 0;

        for (uint64_t i = 0; i < n; i++)
            ops[i] = (struct aeg_pte_op){ va + i * PAGE_SIZE, 0 };
        if (aeg_pte_set(space, AEG_CAPS(CAP_SELF, CAP_SELF), ops, n, &done) != AEG_OK) {
            va = end;       /* no page table here */
            continue;
        }
        entries_release(mm, space, r, ops, (uint32_t)n);
        va += n * PAGE_SIZE;
    }
}

void
mm_clear_remote(struct mm *mm, uint64_t space)
{
    for (uint32_t i = 0; i < mm->map.count; i++)
        if (mm->map.at[i]->touched)
            region_clear_remote(mm, mm->map.at[i], space);
    region_map_free(&mm->map);
}

bool
mm_recycle(struct mm *mm)
{
    struct mm_nodes *nodes = mm->nodes;

    if (nodes != NULL && nodes->next != NULL)
        return false;
    EXO_ASSERT(mm->map.count == 0);
    *mm = (struct mm){ .nodes = nodes };
    return true;
}

void
mm_destroy(struct mm *mm)
{
    struct mm_nodes *n, *next;

    for (n = mm->nodes; n != NULL; n = next) {
        next = n->next;
        for (uint32_t i = 0; i < n->count; i++)
            frame_give(n->node[i].frame, false);
        heap_free(n);
    }
    region_map_free(&mm->map);
    heap_free(mm);
}
