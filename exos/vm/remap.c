/*
 * remap.c: mremap: a mapping gets longer, shorter, or another address; its pages move by their entries.
 */
#include "aegis/sys.h"
#include "fs/file.h"
#include "vm/map.h"

#define MREMAP_MAYMOVE 1u
#define MREMAP_FIXED 2u
#define MREMAP_DONTUNMAP 4u

/* There are page tables at `to` for what is at `from`. */
static int
tables_make(uint64_t from, uint64_t to, uint64_t len)
{
    for (uint64_t at = 0, span; at < len; at += span) {
        uint64_t empty = pt_span_empty(from + at);

        span = MIN(len - at, MAX(empty, TABLE_SPAN) - ((from + at) & (MAX(empty, TABLE_SPAN) - 1)));
        if (empty > SPAN_LARGE)
            continue;
        for (uint64_t va = to + at; va < to + at + span; va = (va | (TABLE_SPAN - 1)) + 1)
            if (pt_ensure(va) != 0)
                return -ENOMEM;
    }
    return 0;
}

/* What the source's entries were, page by page as they are taken out, comes to the same place of the destination. */
static void
done_move(struct pt_walk *w, const struct aeg_pte_op *old, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t none;

        if (old[i].pte & AEG_PTE_P)
            pt_set(old[i].va + w->arg, old[i].pte & ~(AEG_PTE_A | AEG_PTE_D), &none);
    }
}

/* What mremap(2) was asked for. */
struct remap {
    uint64_t addr, old_len, new_len, to;
    uint32_t flags;
};

/* Moves the mapping, which lies in r, to w->to, where nothing is. */
static long
mapping_move(const struct remap *w, struct region *r)
{
    struct region_map *m = &MM->mm->map;
    uint64_t cut = w->addr - r->start, moved = MIN(w->old_len, w->new_len);
    bool entries = r->touched && !region_tracked(r);
    struct region copy = *r;
    struct pt_walk walk = { .done = done_move, .region = r, .arg = w->to - w->addr };

    copy.start = w->to;
    copy.end = w->to + w->new_len;
    copy.offset += r->file != NULL ? cut : 0;
    copy.file_bytes = r->file == NULL ? 0 : w->new_len > w->old_len ? w->new_len : MIN(w->new_len, r->file_bytes - MIN(cut, r->file_bytes));
    if (entries && tables_make(w->addr, w->to, moved) != 0)
        return -ENOMEM;
    if (region_add(m, &copy) == NULL)
        return -ENOMEM;
    if (entries)                /* r may have become a part of its new neighbour */
        pt_walk(w->addr, w->addr + moved, &walk);
    if (w->old_len == 0)
        return (long)w->to;
    if (w->flags & MREMAP_DONTUNMAP)
        return range_flags(w->addr, w->old_len, 0, REGION_LOCKED) == 0 ? (long)w->to : -ENOMEM;
    return range_unmap(w->addr, w->old_len) == 0 ? (long)w->to : -ENOMEM;
}

/* Longer where it is; false: something is in the way. */
static bool
extend(struct region *r, const struct remap *w)
{
    struct region_map *m = &MM->mm->map;
    uint64_t end = w->addr + w->old_len, new_end = w->addr + w->new_len;
    uint32_t i = region_index(m, end);

    if (r->end != end || !range_ok(w->addr, w->new_len) || (i < m->count && m->at[i]->start < new_end))
        return false;
    m->pages += (new_end - end) / PAGE_SIZE;
    if (r->file != NULL && r->file_bytes == r->end - r->start)
        r->file_bytes += new_end - end;
    r->end = new_end;
    region_merge(m, i - 1, i);
    return true;
}

static int
arguments_check(const struct remap *w)
{
    bool placed = (w->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0;

    if ((w->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (placed && !(w->flags & MREMAP_MAYMOVE)))
        return -EINVAL;
    if ((w->flags & MREMAP_DONTUNMAP) && w->old_len != w->new_len)
        return -EINVAL;
    if (!range_ok(w->addr, w->old_len) || w->new_len == 0 || w->new_len > USER_TOP)
        return -EINVAL;
    if ((w->flags & MREMAP_FIXED) && (!range_ok(w->to, w->new_len) || (w->to < w->addr + w->old_len && w->addr < w->to + w->new_len)))
        return -EINVAL;
    return 0;
}

/* The region of a mapping that shall be moved or grow. */
static int
source_check(const struct remap *w, const struct region *r)
{
    if ((w->old_len == 0 && !(r->flags & REGION_SHARED)) || (r->flags & REGION_PAGER))
        return -EINVAL;
    if (r->end < w->addr + w->old_len)
        return -EFAULT;
    if (w->new_len > w->old_len && !affordable(w->new_len - w->old_len, r->flags & REGION_SHARED ? r->prot & ~PROT_WRITE : r->prot, 0))
        return -ENOMEM;
    return (w->flags & MREMAP_DONTUNMAP) && !affordable(w->new_len, r->prot, 0) ? -ENOMEM : 0;
}

static long
move(struct remap *w)
{
    struct region *r = region_find(&MM->mm->map, w->addr);
    long at;
    int err;

    if ((w->flags & MREMAP_FIXED) && w->old_len > w->new_len) {
        if (range_unmap(w->addr + w->new_len, w->old_len - w->new_len) != 0)
            return -ENOMEM;
        w->old_len = w->new_len;
        r = region_find(&MM->mm->map, w->addr);
    }
    err = r == NULL ? -EFAULT : source_check(w, r);
    if (err != 0)
        return err;
    at = range_place(w->to, w->new_len, w->flags & MREMAP_FIXED ? MAP_FIXED : 0);
    if (at < 0)
        return at;
    w->to = (uint64_t)at;
    r = region_find(&MM->mm->map, w->addr);     /* what was in the way may have been its own neighbour */
    return r != NULL ? mapping_move(w, r) : -EFAULT;
}

static long
resize(struct remap *w)
{
    uint64_t addr = w->addr;
    struct region *r = region_find(&MM->mm->map, addr);
    int err;

    if (r == NULL)
        return -EFAULT;
    if (w->old_len >= w->new_len) {
        err = w->old_len == w->new_len ? 0 : range_unmap(addr + w->new_len, w->old_len - w->new_len);
        return err == 0 ? (long)addr : err;
    }
    err = source_check(w, r);
    if (err != 0)
        return err;
    if (w->old_len != 0 && extend(r, w))
        return (long)addr;
    w->to = 0;
    return w->flags & MREMAP_MAYMOVE ? move(w) : -ENOMEM;
}

long
vm_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uint64_t new_addr)
{
    struct remap w = { addr, PAGE_UP(old_len), PAGE_UP(new_len), new_addr, flags };
    long at;
    int err = arguments_check(&w);

    if (err != 0)
        return err;
    at = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? move(&w) : resize(&w);
    if (at >= 0 && w.new_len > w.old_len && region_find(&MM->mm->map, (uint64_t)at) != NULL &&
        (region_find(&MM->mm->map, (uint64_t)at)->flags & REGION_LOCKED))
        (void)vm_populate((uint64_t)at, w.new_len, 0);
    return at;
}
