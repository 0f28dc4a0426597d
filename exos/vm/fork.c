/*
 * fork.c: a second space with the memory of the first.
 *
 * Holds:    private pages lie in both spaces, writable in neither (PTE_COW), until one side writes; pages of files are pinned once more;
 *           shared memory stays what it is, but for shared pages of files, which the child maps when it touches them. Entries are copied
 *           by vectors of ranges: runs of pages that are there and are treated alike.
 * Not here: what becomes of a write to such a page (fault.c).
 */
#include "aegis/sys.h"
#include "fs/file.h"
#include "start/session.h"
#include "vm/large.h"
#include "vm/pager.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define RANGES 32
#define COPY_CALLS_MAX 10000    /* pte_copy goes on where it stopped: more calls than any space needs */

struct copying {
    struct mm *to;
    uint64_t to_space;
    uint64_t node[4];           /* by level: what the node attached last covers, + 1 */
    struct aeg_pte_range range[RANGES];
    uint32_t count;
};

static void
copy_flush(struct copying *c)
{
    uint64_t first = 0, done, calls = 0;
    aeg_err_t err;

    while (first < c->count) {
        done = 0;
        err = aeg_pte_copy(MM->space, CAPS, c->to_space, CAPS, c->range + first, c->count - first, &done);
        first += done;
        if (err != AEG_OK && (err != AEG_ERR_AGAIN || ++calls > COPY_CALLS_MAX))
            EXO_PANIC("the page tables cannot be copied at %lx: kernel error %u", c->range[first].src_va, err);
    }
    c->count = 0;
}

/* A run of pages that are treated alike joins the range in hand, or begins one. */
static void
copy_pages(struct copying *c, uint64_t va, uint64_t pages, bool shared)
{
    struct aeg_pte_range *r = c->count > 0 ? &c->range[c->count - 1] : NULL;
    uint64_t deny = shared ? 0 : AEG_PTE_W, mark = shared ? 0 : PTE_COW;

    if (r != NULL && r->src_va + (r->pages << PAGE_SHIFT) == va && r->set_src == mark) {
        r->pages += pages;
        return;
    }
    if (c->count == RANGES)
        copy_flush(c);
    c->range[c->count++] = (struct aeg_pte_range){
        .src_va = va, .dst_va = va, .pages = pages, .clear_src = deny, .clear_dst = deny, .set_src = mark, .set_dst = mark,
    };
}

/* The child has nodes for va, down to those of level `lowest`. Addresses come in ascending order. */
static int
nodes_for(struct copying *c, uint64_t va, unsigned lowest)
{
    for (unsigned level = 3; level >= lowest; level--) {
        uint64_t covers = (va >> (12 + 9 * level)) + 1;

        if (c->node[level] == covers)
            continue;
        if (!mm_has_node(c->to, va, level) && mm_node_add(c->to, c->to_space, va, level) != 0)
            return -ENOMEM;
        c->node[level] = covers;
    }
    return 0;
}

static inline uint64_t
own_run(const volatile uint64_t *entry, uint64_t most)
{
    uint64_t n = 0;

    while (n < most && (entry[n] & (AEG_PTE_P | PTE_PINNED)) == AEG_PTE_P)
        n++;
    return n;
}

/* One more pin on each page of a file in a run. */
static uint64_t
pinned_run(struct copying *c, const struct region *r, uint64_t va, const volatile uint64_t *entry, uint64_t most)
{
    uint64_t n = 0, first = (r->offset + (va - r->start)) / PAGE_SIZE;

    for (; n < most && (entry[n] & AEG_PTE_P) && (entry[n] & PTE_PINNED); n++)
        r->file->ops->pin_again(r->file, first + n, page_of_frame((entry[n] & AEG_PTE_ADDR) >> PAGE_SHIFT));
    c->to->shared += n;
    return n;
}

/* The part of a region that one page table covers. */
static int
copy_table(struct copying *c, const struct region *r, uint64_t va, uint64_t end)
{
    const volatile uint64_t *entry = (const volatile uint64_t *)aeg_window_entry(va, 1);
    uint64_t left = (end - va) / PAGE_SIZE, n;
    bool ready = false;

    for (; left > 0; left -= n, entry += n, va += n * PAGE_SIZE) {
        n = 1;
        if (!(*entry & AEG_PTE_P))
            continue;
        if (!ready && nodes_for(c, va, 1) != 0)
            return -ENOMEM;
        ready = true;
        n = own_run(entry, left);
        c->to->resident += n;
        if (n == 0)
            n = pinned_run(c, r, va, entry, left);
        copy_pages(c, va, n, (r->flags & REGION_SHARED) != 0);
    }
    return 0;
}

/* The 2 MiB that one entry covers. */
static int
copy_large(struct copying *c, uint64_t va)
{
    if (nodes_for(c, va, 2) != 0 || large_share(c->to, c->to_space, va) != 0)
        return -ENOMEM;
    copy_pages(c, va, TABLE_SPAN / PAGE_SIZE, false);
    return 0;
}

static int
copy_region(struct copying *c, struct region *r)
{
    if (!r->touched || (r->flags & (REGION_DONTFORK | REGION_WIPE)) || region_tracked(r))
        return 0;
    for (uint64_t va = r->start; va < r->end;) {
        uint64_t empty = pt_span_empty(va), next = MIN((va | (MAX(empty, TABLE_SPAN) - 1)) + 1, r->end);

        if ((empty == 0 && copy_table(c, r, va, next) != 0) || (empty == SPAN_LARGE && copy_large(c, va) != 0))
            return -ENOMEM;
        va = next;
    }
    return 0;
}

int
mm_fork(struct mm *to, uint64_t to_space)
{
    const struct mm *from = MM->mm;
    struct copying c = { .to = to, .to_space = to_space };
    int err = region_map_copy(&to->map, &from->map);

    if (err == 0)
        err = pagers_copy(to, from);
    to->brk_start = from->brk_start;
    to->brk = from->brk;
    to->stack_limit = from->stack_limit;
    to->stack_top = from->stack_top;
    to->data_limit = from->data_limit;
    to->space_limit = from->space_limit;
    to->stack_bytes = from->stack_bytes;
    to->lock_limit = from->lock_limit;
    to->arg_start = from->arg_start;
    to->arg_end = from->arg_end;
    to->env_start = from->env_start;
    to->env_end = from->env_end;
    for (uint32_t i = 0; i < from->map.count && err == 0; i++)
        err = copy_region(&c, from->map.at[i]);
    copy_flush(&c);
    return err;
}
