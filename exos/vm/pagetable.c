/*
 * pagetable.c: the page tables of the running space, read through the window and changed by vectors.
 *
 * Holds:    nodes for the program's part come from the session's frames and are noted in struct mm, so that they can be had back when the
 *           space is gone.
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/frames.h"
#include "start/session.h"
#include "vm/large.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define BATCH 64

static inline uint64_t
window(uint64_t va, unsigned level)
{
    return *(const volatile uint64_t *)aeg_window_entry(va, level);
}

static int
node_note(struct mm *mm, uint64_t frame, uint64_t place)
{
    struct mm_nodes *n = mm->nodes;

    if (n == NULL || n->count == MM_NODES_CHUNK) {
        n = heap_alloc(sizeof(*n));
        if (n == NULL)
            return -ENOMEM;
        n->next = mm->nodes;
        mm->nodes = n;
    }
    n->node[n->count].frame = frame;
    n->node[n->count++].place = place;
    return 0;
}

static uint64_t
node_base(uint64_t va, unsigned level)
{
    return va & ~((1ull << (12 + 9 * level)) - 1);
}

static struct mm_node *
node_find(const struct mm *mm, uint64_t place)
{
    for (struct mm_nodes *n = mm->nodes; n != NULL; n = n->next)
        for (uint32_t i = 0; i < n->count; i++)
            if (n->node[i].place == place)
                return &n->node[i];
    return NULL;
}

bool
mm_has_node(const struct mm *mm, uint64_t va, unsigned level)
{
    return node_find(mm, node_base(va, level) | level) != NULL;
}

static void
node_attach(uint64_t space, uint64_t base, uint64_t flags, uint64_t frame)
{
    if (aeg_pt_attach(space, CAPS, base, (uint32_t)(flags | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC), frame) != AEG_OK)
        EXO_PANIC("cannot attach a level %lu node at %lx", flags & AEG_ATTACH_LEVEL, base);
}

/* The spare for the page table at base, which is one no longer; NULL: there is none. */
static struct mm_node *
spare_use(struct mm *mm, uint64_t base)
{
    struct mm_node *n = mm->spares != 0 ? node_find(mm, base | 1 | NODE_SPARE) : NULL;

    if (n == NULL)
        return NULL;
    n->place &= ~NODE_SPARE;
    mm->spares--;
    return n;
}

/* A new node, which hangs nowhere yet. 0: no memory. */
static uint64_t
node_new(struct mm *mm, uint64_t place)
{
    bool zero;
    uint64_t frame = frame_take(&zero);

    if (frame != 0 && node_note(mm, frame, place) != 0) {
        frame_give(frame, zero);
        return 0;
    }
    return frame;
}

int
mm_node_add(struct mm *mm, uint64_t space, uint64_t va, unsigned level)
{
    uint64_t base = node_base(va, level), frame;
    const struct mm_node *spare = level == 1 ? spare_use(mm, base) : NULL;

    frame = spare != NULL ? spare->frame : node_new(mm, base | level);
    if (frame == 0)
        return -ENOMEM;
    node_attach(space, base, level, frame);
    return 0;
}

int
mm_node_spare(struct mm *mm, uint64_t space, uint64_t va)
{
    uint64_t base = node_base(va, 1), frame;
    struct mm_node *n = node_find(mm, base | 1);

    if (mm->spares != 0 && node_find(mm, base | 1 | NODE_SPARE) != NULL)
        return 0;
    if (n == NULL) {
        if (node_new(mm, base | 1 | NODE_SPARE) == 0)
            return -ENOMEM;
    } else {
        if (aeg_pt_detach(space, CAPS, base, 1, &frame) != AEG_OK)
            EXO_PANIC("the page table at %lx of space %lx cannot be taken out", base, space);
        n->place |= NODE_SPARE;
    }
    mm->spares++;
    return 0;
}

void
mm_node_hang(struct mm *mm, uint64_t space, uint64_t va)
{
    uint64_t base = node_base(va, 1);
    const struct mm_node *n = spare_use(mm, base);

    EXO_ASSERT(n != NULL);
    node_attach(space, base, 1 | AEG_ATTACH_SPLIT, n->frame);
}

uint64_t
pt_span_empty(uint64_t va)
{
    uint64_t entry;

    if (!(window(va, 4) & AEG_PTE_P))
        return 1ull << 39;
    if (!(window(va, 3) & AEG_PTE_P))
        return 1ull << 30;
    entry = window(va, 2);
    if (!(entry & AEG_PTE_P))
        return TABLE_SPAN;
    if (entry & AEG_PTE_PS)
        return SPAN_LARGE;
    MM->last_pt = va >> 21;
    return 0;
}

uint64_t
pt_look(uint64_t va)
{
    uint64_t empty = pt_span_empty(va);

    return empty == 0 ? window(va, 1) : empty == SPAN_LARGE ? window(va, 2) : 0;
}

bool
pt_vacant(uint64_t va)
{
    uint64_t empty = pt_span_empty(va);

    return empty > SPAN_LARGE || (empty == 0 && pt_live(va) == 0);
}

int
pt_make_upper(uint64_t va)
{
    for (unsigned level = 4; level >= 3; level--)
        if (!(window(va, level) & AEG_PTE_P) && mm_node_add(MM->mm, MM->space, va, level - 1) != 0)
            return -ENOMEM;
    return 0;
}

int
pt_make(uint64_t va)
{
    if (pt_make_upper(va) != 0 || (!(window(va, 2) & AEG_PTE_P) && mm_node_add(MM->mm, MM->space, va, 1) != 0))
        return -ENOMEM;
    MM->last_pt = va >> 21;
    return 0;
}

bool
pt_present(uint64_t va)
{
    return (pt_entry(va) & AEG_PTE_P) != 0;
}

static void
set_vector(struct aeg_pte_op *ops, uint64_t count)
{
    uint64_t done = 0;
    aeg_err_t err = aeg_pte_set(MM->space, CAPS, ops, count, &done);

    if (err != AEG_OK)
        EXO_PANIC("page-table entry %lx for %lx refused: error %u", ops[done].pte, ops[done].va, err);
}

void
pt_set(uint64_t va, uint64_t pte, uint64_t *old)
{
    struct aeg_pte_op op = { va, pte };

    set_vector(&op, 1);
    *old = op.pte;
}

void
pt_clear_in(uint64_t space, uint64_t va)
{
    struct aeg_pte_op op = { va, 0 };
    uint64_t done = 0;

    if (aeg_pte_set(space, AEG_CAPS(CAP_SELF, CAP_SELF), &op, 1, &done) != AEG_OK || !(op.pte & AEG_PTE_P))
        EXO_PANIC("the mapping at %lx of space %lx is not there", va, space);
}

uint32_t
pt_live(uint64_t va)
{
    uint64_t node = (window(va, 2) & AEG_PTE_ADDR) >> PAGE_SHIFT;

    return ((const volatile struct aeg_frame_info *)aeg_info_entry(&AEG_INFO->frames, node))->live;
}

void
pt_clear(uint64_t va, uint64_t pages, uint64_t keep, uint64_t *frames, struct aeg_pte_cleared *c)
{
    aeg_err_t err = aeg_pte_clear(MM->space, CAPS, va, pages, keep, frames, c);

    if (err != AEG_OK)
        EXO_PANIC("%lu entries from %lx on cannot be taken out: error %u", pages, va, err);
}

/* The entries in hand: what is to be stored, and after the call what stood there. */
struct batch {
    struct aeg_pte_op ops[BATCH];
    uint32_t count;
};

static void
batch_flush(struct batch *b, struct pt_walk *w)
{
    if (b->count == 0)
        return;
    set_vector(b->ops, b->count);
    if (w->done != NULL)
        w->done(w, b->ops, b->count);
    b->count = 0;
}

/* The part of a walk that one page table covers. */
static void
walk_table(uint64_t va, uint64_t end, struct pt_walk *w, struct batch *b)
{
    const volatile uint64_t *entry = (const volatile uint64_t *)aeg_window_entry(va, 1);

    for (; va < end; va += PAGE_SIZE, entry++) {
        uint64_t old = *entry, now;

        if (old == 0 || (now = w->change(w, va, old)) == old)
            continue;
        b->ops[b->count++] = (struct aeg_pte_op){ va, now };
        if (b->count == BATCH)
            batch_flush(b, w);
    }
}

/* The first entry from `at` on that is not empty, or `end`. Eight at a glance: most of a thread's stack is never touched. */
static inline const uint64_t *
skip_empty(const uint64_t *at, const uint64_t *end)
{
    if (at < end && *at != 0)
        return at;
    while (at + 8 <= end && (at[0] | at[1] | at[2] | at[3] | at[4] | at[5] | at[6] | at[7]) == 0)
        at += 8;
    while (at < end && *at == 0)
        at++;
    return at;
}

/* The same where everything goes: exit and munmap. */
static void
empty_table(uint64_t va, uint64_t end, struct pt_walk *w, struct batch *b)
{
    const uint64_t *first = (const uint64_t *)aeg_window_entry(va, 1), *last = first + (end - va) / PAGE_SIZE;
    uint32_t n = b->count;

    for (const uint64_t *at = skip_empty(first, last); at < last; at = skip_empty(at + 1, last)) {
        b->ops[n++] = (struct aeg_pte_op){ va + (uint64_t)(at - first) * PAGE_SIZE, 0 };
        if (n == BATCH) {
            b->count = n;
            batch_flush(b, w);
            n = 0;
        }
    }
    b->count = n;
}

/* An entry of 2 MiB covers va. Can the walk deal with it as it is? If not, a page table does so afterwards. */
static bool
walk_large(uint64_t va, uint64_t end, struct pt_walk *w)
{
    if (w->large == NULL || end - va != TABLE_SPAN) {
        large_split(va);
        return false;
    }
    w->large(w, va);
    return true;
}

void
pt_walk(uint64_t start, uint64_t end, struct pt_walk *w)
{
    struct batch b;
    uint64_t va = start;

    b.count = 0;
    while (va < end) {
        uint64_t span = 0, next;

        if (MM->last_pt != va >> 21)
            span = pt_span_empty(va);
        next = MIN((va | (MAX(span, TABLE_SPAN) - 1)) + 1, end);
        if (span == 0 || (span == SPAN_LARGE && !walk_large(va, next, w)))
            (w->change != NULL ? walk_table : empty_table)(va, next, w, &b);
        va = next;
    }
    batch_flush(&b, w);
}

void *
scratch_map(uint64_t frame, bool write)
{
    for (unsigned i = 0; i < SCRATCH_PAGES; i++) {
        uint64_t va = SCRATCH_VA + i * PAGE_SIZE, old;

        if (MM->scratch_used & 1ull << i)
            continue;
        MM->scratch_used |= 1ull << i;
        pt_set(va, frame << PAGE_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX | (write ? AEG_PTE_W : 0), &old);
        return (void *)va;
    }
    EXO_PANIC("all scratch pages are in use");
}

void
scratch_unmap(void *p)
{
    uint64_t old;

    pt_set((uint64_t)p, 0, &old);
    MM->scratch_used &= ~(1ull << (((uint64_t)p - SCRATCH_VA) / PAGE_SIZE));
}

void
frame_clear(uint64_t frame)
{
    void *p = scratch_map(frame, true);

    memset(p, 0, PAGE_SIZE);
    scratch_unmap(p);
}
