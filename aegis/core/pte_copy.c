/*
 * pte_copy.c: whole ranges of entries, from one space to another: what fork is made of.
 *
 * Holds:    rights only shrink: what a copy allows, its source allowed, over all levels.
 * Not here: what one entry must satisfy (pte.c).
 */
#include "core/cap.h"
#include "core/pte.h"
#include "core/tlb.h"
#include "core/trace.h"

/* Pages that one call deals with: the rest is for the next (AEG_ERR_AGAIN). */
#define COPY_STEP 2048

/* Bits that pte_copy may clear and set: rights shrink, software bits are the library's. */
#define COPY_CLEAR_BITS (AEG_PTE_W | AEG_PTE_A | AEG_PTE_D | AEG_PTE_U | AEG_PTE_SW | AEG_PTE_SW2)
#define COPY_SET_BITS (AEG_PTE_SW | AEG_PTE_SW2 | AEG_PTE_NX)

struct copy {
    struct pte_binding from, to;
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

/* What the entries above the leaf of `level` leave of its rights. */
static uint64_t
rights_above(const struct space *s, uint64_t va, unsigned level)
{
    uint64_t writable = AEG_PTE_W, nx = 0;

    for (unsigned l = 4; l > level; l--) {
        aeg_frame_t node;
        uint64_t entry = *pt_walk(s, va, l, &node);
        writable &= entry;
        nx |= entry & AEG_PTE_NX;
    }
    return writable | nx;
}

/* The source's entry of 4 KiB for va, or NULL when no node has one. */
static uint64_t *
copy_source(struct copy *c, uint64_t va)
{
    aeg_frame_t node;
    uint64_t *entry;

    if (pte_index(&c->from, va) < PT_ENTRIES)
        return &c->from.table[pte_index(&c->from, va)];
    c->from.base = NO_NODE;
    entry = pt_walk(c->from.target, va, 1, &node);
    if (!entry)
        return NULL;
    c->from.table = frame_map(node);
    c->from.node = frame_at(node);
    c->from.base = va & ~(NODE_BYTES - 1);
    c->effective = rights_above(c->from.target, va, 1);
    return entry;
}

/* What the destination gets of an entry that holds `was`. */
static inline uint64_t
copied(const struct aeg_pte_range *r, uint64_t was, uint64_t effective)
{
    if (!(effective & AEG_PTE_W))
        was &= ~AEG_PTE_W;
    return (((was | (effective & AEG_PTE_NX)) & ~r->clear_dst) | r->set_dst) & AEG_PTE_USER_BITS;
}

/* What is the same for all entries of a run, which lies under one node on either side. */
struct run {
    uint64_t src_va, dst_va, pages;
    uint64_t src_bits, src_set;         /* a source entry changes unless its src_bits are src_set */
    uint64_t dst_keep, dst_set;
    bool may_change;                    /* the source */
};

static inline __attribute__((always_inline)) struct run
run_make(const struct copy *c, const struct aeg_pte_range *r)
{
    uint64_t src_va = r->src_va + (r->done << FRAME_SHIFT), dst_va = r->dst_va + (r->done << FRAME_SHIFT);
    uint64_t used = MAX(src_va & (NODE_BYTES - 1), dst_va & (NODE_BYTES - 1)) >> FRAME_SHIFT;

    return (struct run){
        .src_va = src_va, .dst_va = dst_va, .pages = MIN(MIN(PT_ENTRIES - used, r->pages - r->done), (uint64_t)c->budget),
        .src_bits = r->clear_src | r->set_src, .src_set = r->set_src,
        .dst_keep = AEG_PTE_USER_BITS & ~r->clear_dst & (c->effective | ~AEG_PTE_W), .dst_set = r->set_dst | (c->effective & AEG_PTE_NX),
        .may_change = (c->from.cap->rights & AEG_RIGHT_WRITE) && name_agrees(c->from.node->guard, c->from.cap->name, c->from.mask),
    };
}

/* The source's entry changes, if it is to and may. */
static inline __attribute__((always_inline)) bool
source_change(const struct copy *c, const struct run *x, uint64_t *from, uint64_t i)
{
    if ((from[i] & x->src_bits) == x->src_set)
        return true;
    if (!x->may_change)
        return false;
    *(volatile uint64_t *)&from[i] = (from[i] & ~x->src_bits) | x->src_set;
    tlb_flush_page(c->from.target, x->src_va + (i << FRAME_SHIFT));
    return true;
}

/* Copies entries from the i-th on to empty places, up to the first that is none, or not that simple; which. */
static inline __attribute__((always_inline)) uint64_t
copy_fresh(const struct copy *c, const struct run *x, uint64_t *from, uint64_t *to, uint64_t i)
{
    struct aeg_frame_info *const frames = frame_table;

    for (; i < x->pages; i++) {
        uint64_t was = from[i];
        struct aeg_frame_info *f = &frames[pte_frame(was)];

        if (!(was & AEG_PTE_P) || f->type != AEG_FRAME_PLAIN || (to[i] & AEG_PTE_P) || !source_change(c, x, from, i))
            break;
        f->refs++;
        *(volatile uint64_t *)&to[i] = (was & x->dst_keep) | x->dst_set;
    }
    return i;
}

/* An entry that is present and not that simple. */
static __attribute__((noinline)) aeg_err_t
copy_over(struct copy *c, const struct run *x, uint64_t *from, uint64_t *to, uint64_t i)
{
    uint64_t was = from[i], old;
    struct aeg_frame_info *f = frame_at(pte_frame(was));

    if (f->type != AEG_FRAME_PLAIN)
        return AEG_ERR_FRAME_FREE;      /* an orphan is not bound again */
    if (!source_change(c, x, from, i))
        return AEG_ERR_CAP_DENIED;
    f->refs++;
    old = to[i];
    *(volatile uint64_t *)&to[i] = (was & x->dst_keep) | x->dst_set;
    if (old & AEG_PTE_P) {
        tlb_flush_page(c->to.target, x->dst_va + (i << FRAME_SHIFT));
        pte_unref(old, 1);
    } else {
        c->to.node->live++;
    }
    return AEG_OK;
}

/* Copies the entries of a run, up to the first that cannot be; *done: how many it has passed. */
static aeg_err_t
copy_run(struct copy *c, const struct run *x, uint64_t *from, uint64_t *done)
{
    uint64_t *to = NULL, i = 0, end;
    aeg_err_t err = AEG_OK;

    while (i < x->pages && err == AEG_OK) {
        if (!(from[i] & AEG_PTE_P)) {
            i++;
            continue;
        }
        if (pte_index(&c->to, x->dst_va) >= PT_ENTRIES && (err = pte_bind_node(&c->to, x->dst_va)) != AEG_OK)
            break;
        to = &c->to.table[pte_index(&c->to, x->dst_va)];
        end = copy_fresh(c, x, from, to, i);
        c->to.node->live += end - i;
        i = end;
        if (i == x->pages || !(from[i] & AEG_PTE_P))
            continue;
        err = copy_over(c, x, from, to, i);
        i += err == AEG_OK;
    }
    *done = i;
    return err;
}

/* ---- large entries: 2 MiB at a time, whatever the size of the source's ---- */

struct large_copy {
    uint64_t src_va, dst_va, was, left;
    uint64_t *from, *to;
    aeg_frame_t from_node, to_node;
    unsigned level;             /* of the source's */
    aeg_frame_t frame;
};

/* The source's large entry for va: false when there is none, and no node either. */
static bool
large_source(const struct copy *c, const struct aeg_pte_range *r, struct large_copy *l)
{
    for (l->level = 2; l->level <= 3; l->level++) {
        l->from = pt_walk(c->from.target, l->src_va, l->level, &l->from_node);
        if (l->from)
            break;
    }
    if (!l->from || !(*l->from & AEG_PTE_P))
        return false;
    l->was = *l->from;
    l->left = (l->was & ~r->clear_src) | r->set_src;
    l->frame = pte_frame(l->was) + (l->src_va >> FRAME_SHIFT & (pte_frames(l->level) - 1));
    return true;
}

/* Does the range hold these 2 MiB on both sides, and all of the source entry where that changes? */
static bool
large_fits(const struct aeg_pte_range *r, const struct large_copy *l)
{
    uint64_t size = pte_frames(l->level) << FRAME_SHIFT, begin = l->src_va & ~(size - 1);

    if (((l->src_va | l->dst_va) & (NODE_BYTES - 1)) || r->pages - r->done < FRAMES_PER_2M)
        return false;
    return l->left == l->was || (begin >= r->src_va && begin + size <= r->src_va + (r->pages << FRAME_SHIFT));
}

static aeg_err_t
large_copy_check(const struct copy *c, const struct aeg_pte_range *r, struct large_copy *l)
{
    if (!large_fits(r, l))
        return AEG_ERR_VA_ALIGN;
    if (l->left != l->was && !cap_allows(c->from.cap, frame_at(l->from_node)->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    l->to = pt_walk(c->to.target, l->dst_va, 2, &l->to_node);
    if (!l->to)
        return AEG_ERR_NO_NODE;
    if (!cap_allows(c->to.cap, frame_at(l->to_node)->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    if ((*l->to & (AEG_PTE_P | AEG_PTE_PS)) == AEG_PTE_P)
        return AEG_ERR_NODE_TAKEN;
    for (uint64_t i = 0; i < FRAMES_PER_2M; i++)
        if (frame_at(l->frame + i)->type != AEG_FRAME_PLAIN)
            return AEG_ERR_FRAME_FREE;
    return AEG_OK;
}

static void
large_copy_commit(struct copy *c, const struct aeg_pte_range *r, const struct large_copy *l)
{
    uint64_t effective = rights_above(c->from.target, l->src_va, l->level), old;

    for (uint64_t i = 0; i < FRAMES_PER_2M; i++)
        frame_at(l->frame + i)->refs++;
    if (l->left != l->was) {
        *(volatile uint64_t *)l->from = l->left;
        tlb_flush_below(c->from.target, l->src_va, l->level);
    }
    old = *l->to;
    *(volatile uint64_t *)l->to = (copied(r, l->was, effective) & ~AEG_PTE_ADDR) | l->frame << FRAME_SHIFT | AEG_PTE_PS;
    if (old & AEG_PTE_P) {
        tlb_flush_below(c->to.target, l->dst_va, 2);
        pte_unref(old, 2);
    } else {
        frame_at(l->to_node)->live++;
    }
}

/* No entry of 4 KiB covers the next page of the range. */
static __attribute__((noinline)) aeg_err_t
copy_large(struct copy *c, struct aeg_pte_range *r)
{
    struct large_copy l = { .src_va = r->src_va + (r->done << FRAME_SHIFT), .dst_va = r->dst_va + (r->done << FRAME_SHIFT) };
    uint64_t in_node = FRAMES_PER_2M - (l.src_va >> FRAME_SHIFT & (FRAMES_PER_2M - 1));
    aeg_err_t err;

    if (large_source(c, r, &l)) {
        if (c->budget < FRAMES_PER_2M - 1)
            return AEG_ERR_AGAIN;
        c->budget -= FRAMES_PER_2M - 1;
        err = large_copy_check(c, r, &l);
        if (err != AEG_OK)
            return err;
        large_copy_commit(c, r, &l);
    }
    r->done += MIN(in_node, r->pages - r->done);
    return AEG_OK;
}

static aeg_err_t
copy_range(struct copy *c, struct aeg_pte_range *r)
{
    aeg_err_t err = AEG_OK;

    while (err == AEG_OK && r->done < r->pages) {
        uint64_t done, *entry;

        if (c->budget == 0)
            return AEG_ERR_AGAIN;
        entry = copy_source(c, r->src_va + (r->done << FRAME_SHIFT));
        if (entry) {
            const struct run x = run_make(c, r);

            err = copy_run(c, &x, entry, &done);
            r->done += done;
            c->budget -= done;
        } else {
            c->budget--;
            err = copy_large(c, r);
        }
    }
    return err;
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
    c.budget = COPY_STEP;
    pte_bind(&c.from, src, &self->cap[src_cap]);
    pte_bind(&c.to, dst, &self->cap[dst_cap]);
    while (err == AEG_OK && args->value < args->a[5]) {
        struct uaddr at = { args->a[4] + args->value * sizeof(struct aeg_pte_range) };
        struct aeg_pte_range r;

        if (!copy_in(&r, at, sizeof(r)))
            return AEG_ERR_BAD_ADDRESS;
        err = copy_range_check(&r);
        if (err != AEG_OK)
            return err;
        err = copy_range(&c, &r);
        if (!copy_out(at, &r, sizeof(r)))
            return AEG_ERR_BAD_ADDRESS;
        if (err == AEG_OK)
            args->value++;
    }
    trace(AEG_TRACE_PTE_COPY, dst->id, args->value);
    return err;
}
