/*
 * mm.c: the program's part of a space as a whole: made, emptied, used again, taken apart.
 */
#include "aegis/sys.h"
#include "base/frames.h"
#include "fs/file.h"
#include "start/session.h"
#include "vm/large.h"
#include "vm/map.h"
#include "vm/pager.h"

static struct list all = { &all, &all };

struct mm *
mm_create(void)
{
    struct mm *mm = heap_alloc(sizeof(*mm));

    if (mm == NULL)
        return NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(mm->futexes); i++)
        waitq_init(&mm->futexes[i]);
    region_map_init(&mm->map);
    list_push_tail(&all, &mm->link);
    return mm;
}

void
mm_clear(struct mm *mm)
{
    for (uint32_t i = 0; i < mm->map.count; i++)
        entries_drop(mm->map.at[i], mm->map.at[i]->start, mm->map.at[i]->end);
    region_map_free(&mm->map);
    pager_forget();
    pagers_free(mm);
}

/* Those of n old entries that are not to go after all are put back: what a process has written itself. */
static void
put_back_copies(uint64_t space, struct aeg_pte_op *ops, uint64_t n)
{
    uint64_t done = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct aeg_pte_op op = ops[i];

        if (!(op.pte & AEG_PTE_P) || (op.pte & PTE_PINNED))
            continue;
        ops[i].pte = 0;
        if (aeg_pte_set(space, AEG_CAPS(CAP_SELF, CAP_SELF), &op, 1, &done) != AEG_OK)
            EXO_PANIC("the page at %lx of space %lx cannot be put back", op.va, space);
    }
}

/* Without a window on its tables the entries are taken out blindly: what was there comes back. */
static void
part_clear_remote(struct mm *mm, struct region *r, uint64_t space, uint64_t from, uint64_t to, bool copies)
{
    struct aeg_pte_op ops[ENTRIES_MAX];

    for (uint64_t va = from; va < to;) {
        uint64_t end = MIN(to, (va | (TABLE_SPAN - 1)) + 1), n = MIN((end - va) / PAGE_SIZE, (uint64_t)ENTRIES_MAX), done = 0;

        for (uint64_t i = 0; i < n; i++)
            ops[i] = (struct aeg_pte_op){ va + i * PAGE_SIZE, 0 };
        if (aeg_pte_set(space, AEG_CAPS(CAP_SELF, CAP_SELF), ops, n, &done) != AEG_OK) {
            if (mm->large != 0 && end - va == TABLE_SPAN)
                large_drop_remote(mm, space, va);
            va = end;       /* no page table here */
            continue;
        }
        if (!copies)
            put_back_copies(space, ops, n);
        entries_release(mm, space, r, ops, (uint32_t)n);
        va += n * PAGE_SIZE;
    }
}

void
mm_clear_remote(struct mm *mm, uint64_t space)
{
    for (uint32_t i = 0; i < mm->map.count; i++)
        if (mm->map.at[i]->touched)
            part_clear_remote(mm, mm->map.at[i], space, mm->map.at[i]->start, mm->map.at[i]->end, true);
    region_map_free(&mm->map);
}

/* The part of a private mapping that shows pages first..last - 1 of its file. */
static void
region_forget(struct mm *mm, struct region *r, uint64_t first, uint64_t last, bool copies)
{
    uint64_t begin = r->offset >> PAGE_SHIFT, count = PAGE_UP(r->file_bytes) >> PAGE_SHIFT;

    first = MAX(first, begin);
    last = MIN(last, begin + count);
    if (first < last)
        part_clear_remote(mm, r, mm->space, r->start + ((first - begin) << PAGE_SHIFT), r->start + ((last - begin) << PAGE_SHIFT), copies);
}

void
mm_forget_pages(const struct inode *i, uint64_t first, uint64_t last, bool copies)
{
    list_for(l, &all) {
        struct mm *mm = container_of(l, struct mm, link);

        for (uint32_t n = 0; n < mm->map.count; n++) {
            struct region *r = mm->map.at[n];

            if (r->file != NULL && r->file->inode == i && r->touched && !(r->flags & REGION_SHARED))
                region_forget(mm, r, first, last, copies);
        }
    }
}

bool
mm_may_store(const struct inode *i)
{
    list_for(l, &all) {
        const struct mm *mm = container_of(l, struct mm, link);

        for (uint32_t n = 0; n < mm->map.count; n++) {
            const struct region *r = mm->map.at[n];

            if (r->file != NULL && r->file->inode == i && (r->flags & (REGION_SHARED | REGION_SEALED)) == REGION_SHARED &&
                (r->file->flags & O_ACCMODE) == O_RDWR)
                return true;
        }
    }
    return false;
}

bool
mm_recycle(struct mm *mm)
{
    struct mm_nodes *nodes = mm->nodes;
    uint64_t spares = mm->spares;

    if (nodes != NULL && nodes->next != NULL)
        return false;
    EXO_ASSERT(mm->map.count == 0);
    EXO_ASSERT(mm->large == 0);
    memset(&mm->space, 0, sizeof(*mm) - offsetof(struct mm, space));
    mm->nodes = nodes;
    mm->spares = spares;
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
    pagers_free(mm);
    list_remove(&mm->link);
    heap_free(mm);
}
