/*
 * pte.c: leaf page-table entries: where a PTE is checked.
 *
 * Holds:    every present leaf names a plain frame (or 512 of them) that is referenced once for it. No writable entry ever names a node.
 * Fast path: pte_set, 60 + 20 instructions an entry (NUMBERS.md): the node is looked up once per 2 MiB, old frames are dropped in
 *           batches after the flush.
 * Not here: what a software bit means. That is the library's business.
 */
#include "core/pte.h"
#include "arch/x86_64/arch.h"
#include "core/frame.h"
#include "core/pt.h"

#define FRAMES_PER_2M 512
#define CHUNK 32                /* entries copied in at a time */
#define NODE_BYTES (1ull << 21)   /* what a level-1 node covers */

void
pte_unref(uint64_t entry, unsigned level)
{
    aeg_frame_t frame = (entry & AEG_PTE_ADDR) >> FRAME_SHIFT;

    for (unsigned i = 0; i < (level == 2 ? FRAMES_PER_2M : 1); i++)
        frame_unref(frame + i);
}

/* A run of changes in one space: the node in hand, and the old entries still to be dropped. */
struct pte_run {
    const struct space *space;
    const struct aeg_cap *cap;
    struct aeg_name name, mask; /* of cap */
    uint64_t base;              /* first va of the level-1 node in hand; NO_NODE: none */
    uint64_t *table;
    struct aeg_frame_info *node;
    uint64_t bad_bits;          /* what an entry under this capability may not hold: W without WRITE */
    uint32_t old_count;
    struct {
        uint64_t entry;
        unsigned level;
    } old[CHUNK];
};
#define NO_NODE 1ull            /* no page-aligned va has an index from here */

static void
run_begin(struct pte_run *run, const struct space *s, const struct aeg_cap *cap)
{
    run->space = s;
    run->cap = cap;
    run->name = cap->name;
    run->mask = name_mask(cap->length);
    run->base = NO_NODE;
    run->bad_bits = ~AEG_PTE_USER_BITS | (cap->rights & AEG_RIGHT_WRITE ? 0 : AEG_PTE_W);
    run->old_count = 0;
}

/* Every old translation was flushed when it was replaced, so what it held may go now. */
static void
run_end(struct pte_run *run)
{
    for (uint32_t i = 0; i < run->old_count; i++)
        pte_unref(run->old[i].entry, run->old[i].level);
    run->old_count = 0;
}

static inline aeg_err_t
run_find_node(struct pte_run *run, uint64_t va, unsigned level)
{
    aeg_frame_t node;
    uint64_t *entry = pt_walk(run->space, va, level, &node);

    run->base = NO_NODE;
    if (!entry)
        return AEG_ERR_NO_NODE;
    if (!(run->cap->rights & AEG_RIGHT_WRITE) || !name_agrees(frame_at(node)->guard, run->name, run->mask))
        return AEG_ERR_CAP_DENIED;
    run->table = frame_map(node);
    run->node = frame_at(node);
    if (level == 1)
        run->base = va & ~(NODE_BYTES - 1);
    return AEG_OK;
}

/* The index of va in the level-1 node in hand; PT_ENTRIES or more when it is another node's, or not aligned. */
static inline uint64_t
run_index(const struct pte_run *run, uint64_t va)
{
    uint64_t offset = va - run->base;

    return offset >> FRAME_SHIFT | offset << (64 - FRAME_SHIFT);
}

static aeg_err_t
frame_refused(uint8_t type)
{
    switch (type) {
    case AEG_FRAME_NONE: return AEG_ERR_FRAME;
    case AEG_FRAME_NODE: return AEG_ERR_FRAME_NODE;
    case AEG_FRAME_SAVE: return AEG_ERR_FRAME_BUSY;
    default: return AEG_ERR_FRAME_FREE;
    }
}

static inline aeg_err_t
frame_mappable(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    const struct aeg_frame_info *f;

    if (frame >= frame_count)
        return AEG_ERR_FRAME;
    f = frame_at(frame);
    if (__builtin_expect(f->type != AEG_FRAME_PLAIN, 0))
        return frame_refused(f->type);
    return cap_allows(cap, f->guard, rights) ? AEG_OK : AEG_ERR_CAP_DENIED;
}

/* Takes the references of a new 2 MiB entry, all or none. */
static aeg_err_t
bind_2m(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    if (frame % FRAMES_PER_2M != 0)
        return AEG_ERR_VA_ALIGN;
    for (unsigned i = 0; i < FRAMES_PER_2M; i++) {
        aeg_err_t err = frame_mappable(frame + i, cap, rights);
        if (err != AEG_OK)
            return err;
    }
    for (unsigned i = 0; i < FRAMES_PER_2M; i++)
        frame_at(frame + i)->refs++;
    return AEG_OK;
}

static inline aeg_err_t
pte_bits_check(uint64_t va, uint64_t pte, unsigned level)
{
    if (va >= AEG_LIBRARY_TOP)
        return AEG_ERR_VA_RANGE;
    if (va & ((1ull << (3 + 9 * level)) - 1))
        return AEG_ERR_VA_ALIGN;
    if (pte & ~AEG_PTE_USER_BITS)
        return AEG_ERR_PTE_BITS;
    return !(pte & AEG_PTE_P) && (pte & AEG_PTE_ADDR) ? AEG_ERR_PTE_BITS : AEG_OK;
}

/* Replaces one entry; the old one goes to *old and to the run's list. The entry has been checked and its references taken. */
static inline void
pte_commit(struct pte_run *run, uint64_t va, uint64_t pte, unsigned level, uint64_t *old)
{
    uint64_t *entry = run->table + (va >> (3 + 9 * level) & 511);
    uint64_t was = *entry;

    *(volatile uint64_t *)entry = pte;
    run->node->live += (uint32_t)(pte & AEG_PTE_P) - (uint32_t)(was & AEG_PTE_P);
    if (was & AEG_PTE_P) {
        arch_flush_page(va);
        run->old[run->old_count].entry = was;
        run->old[run->old_count++].level = level;
    }
    *old = was;
}

/* A 2 MiB entry may not stand where a node hangs, nor the other way round: pt_walk refuses the latter. */
static aeg_err_t
pte_set_2m(struct pte_run *run, uint64_t va, uint64_t pte, uint64_t *old)
{
    uint64_t was;
    aeg_err_t err = run_find_node(run, va, 2);

    if (err != AEG_OK)
        return err;
    was = run->table[va >> 21 & 511];
    if ((was & AEG_PTE_P) && !(was & AEG_PTE_PS))
        return AEG_ERR_NODE_TAKEN;
    if (pte & AEG_PTE_P) {
        err = bind_2m((pte & AEG_PTE_ADDR) >> FRAME_SHIFT, run->cap,
                      pte & AEG_PTE_W ? AEG_RIGHT_READ | AEG_RIGHT_WRITE : AEG_RIGHT_READ);
        if (err != AEG_OK)
            return err;
        pte |= AEG_PTE_PS;
    }
    pte_commit(run, va, pte, 2, old);
    return AEG_OK;
}

/* Any entry, with the reason when it is refused. */
static aeg_err_t
pte_set_any(struct pte_run *run, struct aeg_pte_op *op)
{
    uint64_t va = op->va & ~0xfffull, pte = op->pte;
    unsigned level = (op->va & AEG_VA_SIZE_MASK) + 1;
    aeg_err_t err = op->va & 0xffc ? AEG_ERR_VA_ALIGN : level > 2 ? AEG_ERR_ARGUMENT : pte_bits_check(va, pte, level);

    if (err != AEG_OK)
        return err;
    if (level == 2)
        return pte_set_2m(run, va, pte, &op->pte);
    if (run_index(run, va) >= PT_ENTRIES) {
        err = run_find_node(run, va, 1);
        if (err != AEG_OK)
            return err;
    }
    if (pte & AEG_PTE_P) {
        aeg_frame_t frame = (pte & AEG_PTE_ADDR) >> FRAME_SHIFT;
        err = frame_mappable(frame, run->cap, pte & AEG_PTE_W ? AEG_RIGHT_READ | AEG_RIGHT_WRITE : AEG_RIGHT_READ);
        if (err != AEG_OK)
            return err;
        frame_at(frame)->refs++;
    }
    pte_commit(run, va, pte, 1, &op->pte);
    return AEG_OK;
}

/*
 * The entries of ops[] from `i` on that need no second look: a present 4 KiB entry with allowed bits, in the node in hand, where nothing
 * was, for a plain frame that the capability dominates. Returns the first that is none, or n. The same checks as pte_set_any, in the fewest
 * instructions (pte_set row of the benchmark).
 */
static uint64_t
pte_set_fast(struct pte_run *run, struct aeg_pte_op *ops, uint64_t i, uint64_t n)
{
    struct aeg_name name = run->name, mask = run->mask;
    uint64_t bad_bits = run->bad_bits, count = frame_count, begin = i;
    struct aeg_frame_info *frames = frame_table;
    uint64_t *table = run->table;

    if (run->base == NO_NODE || !(run->cap->rights & AEG_RIGHT_READ))
        return i;
    for (; i < n; i++) {
        uint64_t pte = ops[i].pte, index = run_index(run, ops[i].va);
        aeg_frame_t frame = pte << 12 >> 24;
        struct aeg_frame_info *f = &frames[frame];

        if (index >= PT_ENTRIES || (pte & bad_bits) || !(pte & AEG_PTE_P) || frame >= count || f->type != AEG_FRAME_PLAIN ||
            !name_agrees(f->guard, name, mask) || (table[index] & AEG_PTE_P))
            break;
        f->refs++;
        ops[i].pte = table[index];
        *(volatile uint64_t *)&table[index] = pte;
    }
    run->node->live += i - begin;
    return i;
}

/* Sets ops[0..n): returns how many were, with the reason why not all. */
static uint64_t
pte_set_chunk(struct pte_run *run, struct aeg_pte_op *ops, uint64_t n, aeg_err_t *err)
{
    uint64_t i = 0;

    *err = AEG_OK;
    while (i < n) {
        uint64_t va = ops[i].va;
        if (run_index(run, va) >= PT_ENTRIES && !(va & (FRAME_SIZE - 1)) && va < AEG_LIBRARY_TOP)
            (void)!run_find_node(run, va, 1);   /* pte_set_any says what is wrong */
        i = pte_set_fast(run, ops, i, n);
        if (i == n)
            break;
        *err = pte_set_any(run, &ops[i]);
        if (*err != AEG_OK)
            break;
        i++;
    }
    if (run->old_count != 0)
        run_end(run);
    return i;
}

aeg_err_t
sys_pte_set(struct sys_args *args)
{
    uint32_t space_cap = args->a[1] & 0xffff, frame_cap = args->a[1] >> 16;
    struct aeg_pte_op ops[CHUNK];
    struct pte_run run;
    struct space *s;
    uint64_t count = args->a[3];
    aeg_err_t err = space_control(args->a[0], space_cap, &s);

    if (err != AEG_OK)
        return err;
    if (count > AEG_VECTOR_MAX)
        return AEG_ERR_VECTOR;
    if (frame_cap >= AEG_CAP_MAX || space_current()->cap[frame_cap].rights == 0)
        return AEG_ERR_CAP_INDEX;
    run_begin(&run, s, &space_current()->cap[frame_cap]);
    while (err == AEG_OK && args->value < count) {
        struct uaddr at = { args->a[2] + args->value * sizeof(ops[0]) };
        uint64_t n = MIN(count - args->value, CHUNK), i;

        if (!copy_in(ops, at, n * sizeof(ops[0])))
            return AEG_ERR_BAD_ADDRESS;
        i = pte_set_chunk(&run, ops, n, &err);
        args->value += i;
        if (!copy_out(at, ops, i * sizeof(ops[0])))
            return AEG_ERR_BAD_ADDRESS;
    }
    return err;
}

/* ---- pte_copy ---- */

/* Pages that one call deals with: the rest is for the next (AEG_ERR_AGAIN). */
#define COPY_STEP 2048
#define PAGES_PER_NODE 512

/* Bits that pte_copy may clear and set: rights shrink, software bits are the library's. */
#define COPY_CLEAR_BITS (AEG_PTE_W | AEG_PTE_A | AEG_PTE_D | AEG_PTE_U | AEG_PTE_SW | AEG_PTE_SW2)
#define COPY_SET_BITS (AEG_PTE_SW | AEG_PTE_SW2 | AEG_PTE_NX)

struct copy {
    const struct space *src, *dst;
    struct pte_run src_run, dst_run;
    uint64_t effective;         /* W and not-NX, over the levels above the source node in hand */
    uint32_t budget;
};

static aeg_err_t
copy_range_check(const struct aeg_pte_range *r)
{
    uint64_t bytes = r->pages << FRAME_SHIFT;

    if (r->pages > AEG_LIBRARY_TOP >> FRAME_SHIFT || r->done > r->pages)
        return AEG_ERR_ARGUMENT;
    if ((r->src_va | r->dst_va) & (FRAME_SIZE - 1))
        return AEG_ERR_VA_ALIGN;
    if (r->src_va >= AEG_LIBRARY_TOP || r->dst_va >= AEG_LIBRARY_TOP || bytes > AEG_LIBRARY_TOP - r->src_va ||
        bytes > AEG_LIBRARY_TOP - r->dst_va)
        return AEG_ERR_VA_RANGE;
    if (((r->clear_src | r->clear_dst) & ~COPY_CLEAR_BITS) || ((r->set_src | r->set_dst) & ~COPY_SET_BITS))
        return AEG_ERR_PTE_BITS;
    return AEG_OK;
}

/* What the entries above a leaf leave of its rights. */
static uint64_t
rights_above(const struct space *s, uint64_t va)
{
    uint64_t writable = AEG_PTE_W, nx = 0;

    for (unsigned level = 4; level >= 2; level--) {
        aeg_frame_t node;
        uint64_t entry = *pt_walk(s, va, level, &node);
        writable &= entry;
        nx |= entry & AEG_PTE_NX;
    }
    return writable | nx;
}

/* The source node for va, or NULL when there is none: the whole 2 MiB is then skipped. */
static uint64_t *
copy_source(struct copy *c, uint64_t va)
{
    aeg_frame_t node;
    uint64_t *entry;

    if (run_index(&c->src_run, va) < PT_ENTRIES)
        return c->src_run.table + (va >> FRAME_SHIFT & 511);
    c->src_run.base = NO_NODE;
    entry = pt_walk(c->src, va, 1, &node);
    if (!entry)
        return NULL;
    c->src_run.table = frame_map(node);
    c->src_run.node = frame_at(node);
    c->src_run.base = va & ~(NODE_BYTES - 1);
    c->effective = rights_above(c->src, va);
    return entry;
}

static aeg_err_t
copy_one(struct copy *c, const struct aeg_pte_range *r, uint64_t src_va, uint64_t dst_va, uint64_t *src_entry)
{
    uint64_t was = *src_entry, pte = was, unused, left = (was & ~r->clear_src) | r->set_src;
    aeg_frame_t frame = (was & AEG_PTE_ADDR) >> FRAME_SHIFT;
    aeg_err_t err;

    if (frame_at(frame)->type != AEG_FRAME_PLAIN)
        return AEG_ERR_FRAME_FREE;      /* an orphan is not bound again */
    if (left != was && !cap_allows(c->src_run.cap, c->src_run.node->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    if (run_index(&c->dst_run, dst_va) >= PT_ENTRIES) {
        err = run_find_node(&c->dst_run, dst_va, 1);
        if (err != AEG_OK)
            return err;
    }
    if (!(c->effective & AEG_PTE_W))
        pte &= ~AEG_PTE_W;
    pte = (((pte | (c->effective & AEG_PTE_NX)) & ~r->clear_dst) | r->set_dst) & AEG_PTE_USER_BITS;
    frame_at(frame)->refs++;
    if (left != was) {
        *(volatile uint64_t *)src_entry = left;
        arch_flush_page(src_va);
    }
    pte_commit(&c->dst_run, dst_va, pte, 1, &unused);
    if (c->dst_run.old_count == CHUNK)
        run_end(&c->dst_run);
    return AEG_OK;
}

static aeg_err_t
copy_range(struct copy *c, struct aeg_pte_range *r)
{
    while (r->done < r->pages) {
        uint64_t src_va = r->src_va + (r->done << FRAME_SHIFT), dst_va = r->dst_va + (r->done << FRAME_SHIFT);
        uint64_t *entry;
        aeg_err_t err;

        if (c->budget == 0)
            return AEG_ERR_AGAIN;
        c->budget--;
        entry = copy_source(c, src_va);
        if (!entry) {
            uint64_t skip = PAGES_PER_NODE - (src_va >> FRAME_SHIFT & (PAGES_PER_NODE - 1));
            r->done += MIN(skip, r->pages - r->done);
            continue;
        }
        if (*entry & AEG_PTE_P) {
            err = copy_one(c, r, src_va, dst_va, entry);
            if (err != AEG_OK)
                return err;
        }
        r->done++;
    }
    return AEG_OK;
}

aeg_err_t
sys_pte_copy(struct sys_args *args)
{
    struct space *src, *dst, *self = space_current();
    uint32_t src_cap = args->a[1], dst_cap = args->a[3];
    struct copy c;
    aeg_err_t err = space_control(args->a[0], src_cap, &src);

    if (err == AEG_OK)
        err = space_control(args->a[2], dst_cap, &dst);
    if (err != AEG_OK)
        return err;
    if (args->a[5] > AEG_VECTOR_MAX)
        return AEG_ERR_VECTOR;
    c.src = src;
    c.dst = dst;
    c.budget = COPY_STEP;
    run_begin(&c.src_run, src, &self->cap[src_cap]);
    run_begin(&c.dst_run, dst, &self->cap[dst_cap]);
    while (err == AEG_OK && args->value < args->a[5]) {
        struct uaddr at = { args->a[4] + args->value * sizeof(struct aeg_pte_range) };
        struct aeg_pte_range r;

        if (!copy_in(&r, at, sizeof(r)))
            return AEG_ERR_BAD_ADDRESS;
        err = copy_range_check(&r);
        if (err != AEG_OK)
            return err;
        err = copy_range(&c, &r);
        run_end(&c.dst_run);
        if (!copy_out(at, &r, sizeof(r)))
            return AEG_ERR_BAD_ADDRESS;
        if (err == AEG_OK)
            args->value++;
    }
    return err;
}
