/*
 * map.c: mmap, munmap and brk: the region map changes first, then the page tables follow.
 *
 * Not here: protection (protect.c), moving (remap.c), advice (advise.c).
 */
#include "vm/map.h"

#include "aegis/sys.h"
#include "base/frames.h"
#include "fs/file.h"
#include "fs/seals.h"
#include "vm/large.h"
#include "vm/pager.h"

#define MAP_IN_MEMORY (MAP_LOCKED | MAP_POPULATE)
#define MAP_ODD (MAP_SHARED | MAP_GROWSDOWN | MAP_HUGETLB)      /* to be looked at closely */
/* What MAP_SHARED_VALIDATE knows: the flags that MAP_SHARED does not ignore, and those that it does. */
#define MAP_KNOWN (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | 0x0800u | 0x1000u | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | \
                   MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE)

#define CLEAR_MIN 64            /* pages that are worth a flush of the whole space */
#define CLEAR_STEP 128

/* ---- page tables after the regions ---- */

bool
region_tracked(const struct region *r)
{
    return (r->flags & REGION_SHARED) && r->file != NULL && r->file->ops->map != NULL;
}

void
entries_release(struct mm *mm, uint64_t space, struct region *r, const struct aeg_pte_op *old, uint32_t count)
{
    uint64_t frames[ENTRIES_MAX];
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t frame = (old[i].pte & AEG_PTE_ADDR) >> PAGE_SHIFT, index;

        if (!(old[i].pte & AEG_PTE_P))
            continue;
        if (!(old[i].pte & PTE_PINNED)) {
            frames[n++] = frame;
            continue;
        }
        index = (r->offset + (old[i].va - r->start)) / PAGE_SIZE;
        if (region_tracked(r)) {
            r->file->ops->unmap(r->file, index, page_of_frame(frame), space, old[i].va);
        } else {
            r->file->ops->unpin_page(r->file, index, page_of_frame(frame));
            mm->shared--;
        }
    }
    frames_drop(frames, n);
    mm->resident -= n;
}

static void
done_release(struct pt_walk *w, const struct aeg_pte_op *old, uint32_t count)
{
    entries_release(MM->mm, MM->space, w->region, old, count);
}

/* All entries of one page table's part but pinned ones; how many of those there are. */
static uint64_t
table_clear(struct mm *mm, uint64_t va, uint64_t end)
{
    uint64_t frames[CLEAR_STEP], kept = 0;

    for (uint64_t n; va < end; va += n * PAGE_SIZE) {
        struct aeg_pte_cleared c;

        n = MIN((end - va) / PAGE_SIZE, (uint64_t)CLEAR_STEP);
        pt_clear(va, n, PTE_PINNED, frames, &c);
        frames_give(frames, c.unbound);
        mm->resident -= c.cleared;
        kept += c.kept;
    }
    return kept;
}

/* Table by table: one that is nearly empty is quicker searched than flushed. */
static __attribute__((noinline)) void
tables_drop(struct pt_walk *w, uint64_t from, uint64_t to)
{
    for (uint64_t va = from, next; va < to; va = next) {
        uint64_t empty = pt_span_empty(va);

        next = MIN((va | (MAX(empty, TABLE_SPAN) - 1)) + 1, to);
        if (empty == SPAN_LARGE || (empty == 0 && (pt_live(va) < CLEAR_MIN || table_clear(MM->mm, va, next) != 0)))
            pt_walk(va, next, w);
    }
}

static inline void
pages_drop(struct region *r, uint64_t from, uint64_t to)
{
    struct pt_walk w = { .done = done_release, .large = large_change, .region = r };

    if (to - from < CLEAR_MIN * PAGE_SIZE || (r->flags & REGION_SHARED))
        pt_walk(from, to, &w);
    else
        tables_drop(&w, from, to);
}

static inline void
page_drop(struct region *r, uint64_t va)
{
    struct aeg_pte_op op = { va, pt_entry(va) };

    if (!(op.pte & AEG_PTE_P))
        return;
    if (op.pte & AEG_PTE_PS)
        large_split(va);
    pt_set(va, 0, &op.pte);
    entries_release(MM->mm, MM->space, r, &op, 1);
}

void
entries_drop(struct region *r, uint64_t from, uint64_t to)
{
    if (r->touched && to - from == PAGE_SIZE)
        page_drop(r, from);
    else if (r->touched)
        pages_drop(r, from, to);
    if (from == r->start && to == r->end)
        r->touched = false;
}

void
each_region(uint64_t start, uint64_t end, void (*fn)(struct region *r, uint64_t from, uint64_t to, uint64_t arg), uint64_t arg)
{
    struct region_map *m = &MM->mm->map;

    for (uint32_t i = region_index(m, start); i < m->count && m->at[i]->start < end; i++)
        fn(m->at[i], MAX(start, m->at[i]->start), MIN(end, m->at[i]->end), arg);
}

/* ---- ranges ---- */

bool
range_ok(uint64_t addr, uint64_t len)
{
    return (addr & PAGE_MASK) == 0 && len <= USER_TOP && addr <= USER_TOP - len;
}

bool
range_covered(uint64_t addr, uint64_t len)
{
    struct region_map *m = &MM->mm->map;
    uint64_t at = addr;

    for (uint32_t i = region_index(m, addr); at < addr + len; at = m->at[i++]->end)
        if (i == m->count || m->at[i]->start > at)
            return false;
    return true;
}

/* The range is a part of the region at i with which that begins or ends. */
static inline bool
at_its_edge(const struct region_map *m, uint32_t i, uint64_t addr, uint64_t end)
{
    const struct region *r = i < m->count ? m->at[i] : NULL;

    return r != NULL && ((r->start == addr && end < r->end) || (r->start < addr && end == r->end));
}

int
range_unmap(uint64_t addr, uint64_t len)
{
    struct region_map *m = &MM->mm->map;
    uint32_t first = region_index(m, addr), last;

    pager_forget();
    if (at_its_edge(m, first, addr, addr + len)) {
        entries_drop(m->at[first], addr, addr + len);
        region_trim(m, first, addr, addr + len);
        return 0;
    }
    if (region_cut(m, addr, addr + len, &first, &last) != 0)
        return -ENOMEM;
    for (uint32_t i = first; i < last; i++)
        entries_drop(m->at[i], m->at[i]->start, m->at[i]->end);
    region_remove(m, first, last);
    return 0;
}

long
vm_munmap(uint64_t addr, uint64_t len)
{
    len = PAGE_UP(len);
    if (len == 0 || !range_ok(addr, len))
        return -EINVAL;
    return range_unmap(addr, len);
}

static bool
range_free(struct region_map *m, uint64_t addr, uint64_t len, uint64_t gap)
{
    uint32_t i = region_index(m, addr);

    return i == m->count || m->at[i]->start - (m->at[i]->flags & REGION_STACK ? gap : 0) >= addr + len;
}

static long
place_fixed(struct mm *mm, uint64_t addr, uint64_t len, uint32_t flags)
{
    if (addr & PAGE_MASK)
        return -EINVAL;
    if (!range_ok(addr, len))
        return -ENOMEM;
    if (addr < USER_BOTTOM)
        return -EPERM;
    if (range_free(&mm->map, addr, len, 0))
        return (long)addr;
    if (flags & MAP_FIXED_NOREPLACE)
        return -EEXIST;
    return range_unmap(addr, len) == 0 ? (long)addr : -ENOMEM;
}

static inline long
place_anywhere(struct mm *mm, uint64_t addr, uint64_t len)
{
    uint64_t gap;

    addr = PAGE_UP(addr);
    if (addr >= USER_BOTTOM && range_ok(addr, len) && range_free(&mm->map, addr, len, STACK_GUARD_GAP))
        return (long)addr;
    gap = region_gap(&mm->map, len, USER_BOTTOM, mm->stack_limit - STACK_GUARD_GAP);
    return gap != 0 ? (long)gap : -ENOMEM;
}

long
range_place(uint64_t addr, uint64_t len, uint32_t flags)
{
    return flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) ? place_fixed(MM->mm, addr, len, flags) : place_anywhere(MM->mm, addr, len);
}

/* ---- mmap ---- */

static bool
is_sealed(const struct file *f)
{
    return f->inode != NULL && (f->inode->seals & F_SEAL_NO_WRITES) != 0;
}

static int
file_check(const struct file *f, uint32_t prot, uint32_t flags)
{
    if (f->flags & O_PATH)
        return -EBADF;
    if (f->ops->pin_page == NULL || f->ops->pin_again == NULL)
        return -ENODEV;
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EACCES;
    if ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) && (f->flags & O_ACCMODE) != O_RDWR)
        return -EACCES;
    if ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) && is_sealed(f))
        return -EPERM;
    if ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) && f->ops->make_writable == NULL)
        return -ENODEV;
    return 0;
}

/* RLIMIT_DATA: what is private and writable and no stack. */
static __attribute__((noinline)) bool
data_allows(const struct mm *mm, uint64_t len)
{
    uint64_t sum = len;

    for (uint32_t i = 0; i < mm->map.count; i++) {
        const struct region *r = mm->map.at[i];

        if ((r->prot & PROT_WRITE) && !(r->flags & (REGION_SHARED | REGION_STACK)))
            sum += r->end - r->start;
    }
    return sum <= mm->data_limit;
}

bool
affordable(uint64_t len, uint32_t prot, uint32_t flags)
{
    const struct mm *mm = MM->mm;

    if (len > mm->space_limit || mm->map.pages * PAGE_SIZE > mm->space_limit - len)
        return false;
    if (mm->data_limit != UINT64_MAX && (prot & PROT_WRITE) && !data_allows(mm, len))
        return false;
    return prot == 0 || (flags & MAP_NORESERVE) || len / PAGE_SIZE <= mem_total_pages();
}

/* What is seldom asked for. */
static __attribute__((noinline)) int
odd_check(const struct file *f, uint32_t prot, uint32_t flags, bool wraps)
{
    uint32_t type = flags & MAP_TYPE;

    if (f != NULL && wraps)
        return -EOVERFLOW;
    if (type == MAP_SHARED_VALIDATE && (flags & ~MAP_KNOWN))
        return -EOPNOTSUPP;
    if ((flags & MAP_GROWSDOWN) && (f != NULL || type != MAP_PRIVATE))
        return -EINVAL;
    if (flags & MAP_HUGETLB)
        return -ENOMEM;         /* none are set aside */
    return f != NULL ? file_check(f, prot, flags) : 0;
}

/* The new mapping's pages are made, as far as there is memory. */
static __attribute__((noinline)) long
fill(long at, uint64_t len, uint32_t flags)
{
    if (at < 0)
        return at;
    if ((flags & MAP_LOCKED) || MM->mm->lock_future)
        (void)vm_mlock((uint64_t)at, len, true, true);
    else if (!(flags & MAP_NONBLOCK))
        (void)vm_populate((uint64_t)at, len, 0);
    return at;
}

/* Makes the region, once all that concerns the arguments is in order. */
static inline long
map_region(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *f, uint64_t offset)
{
    bool fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    long at = fixed ? place_fixed(MM->mm, addr, len, flags) : place_anywhere(MM->mm, addr, len);
    struct region r = {
        .start = (uint64_t)at,
        .end = (uint64_t)at + len,
        .prot = prot,
        .flags = (uint16_t)(((flags & MAP_TYPE) != MAP_PRIVATE ? REGION_SHARED : 0) | (flags & MAP_GROWSDOWN ? REGION_STACK : 0)),
        .file = f,
        .offset = offset,
        .file_bytes = f != NULL ? len : 0,
    };

    if (at < 0)
        return at;
    if (f != NULL && (r.flags & REGION_SHARED) && is_sealed(f))
        r.flags |= REGION_SEALED;
    return region_add(&MM->mm->map, &r) != NULL ? at : -ENOMEM;
}

long
vm_mmap(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *f, uint64_t offset)
{
    uint32_t type = flags & MAP_TYPE;
    struct file *own = NULL;
    long at;
    int err;

    if (len == 0 || (offset & PAGE_MASK) || type - MAP_SHARED > MAP_SHARED_VALIDATE - MAP_SHARED)
        return -EINVAL;
    if (len > USER_TOP)
        return -ENOMEM;
    prot &= PROT_ALL;
    len = PAGE_UP(len);
    if (f != NULL || (flags & MAP_ODD)) {
        err = odd_check(f, prot, flags, (int64_t)(offset + len) < 0);
        if (err != 0)
            return err;
        if (f != NULL && (type != MAP_PRIVATE || !(prot & PROT_WRITE)))
            flags |= MAP_NORESERVE;     /* the file's pages are not the mapping's */
    }
    if (!affordable(len, type == MAP_PRIVATE ? prot : prot & ~PROT_WRITE, flags))
        return -ENOMEM;
    if (f == NULL && type != MAP_PRIVATE) {
        if (type == MAP_SHARED_VALIDATE)
            return -EINVAL;
        f = own = shared_memory_create();
        if (f == NULL)
            return -ENOMEM;
    }
    at = map_region(addr, len, prot, flags, f, offset);
    if (own != NULL)
        file_put(own);
    if ((flags & MAP_IN_MEMORY) || MM->mm->lock_future)
        at = fill(at, len, flags);
    return at;
}

long
vm_map_memory(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *memory)
{
    long at;

    len = PAGE_UP(len);
    if (!affordable(len, prot & ~PROT_WRITE, flags))
        return -ENOMEM;
    at = map_region(addr, len, prot, flags | MAP_SHARED, memory, 0);
    if (at >= 0 && !(prot & PROT_WRITE))
        (void)!range_flags((uint64_t)at, len, REGION_SEALED, 0);
    return at;
}

/* ---- brk ---- */

long
vm_brk(uint64_t addr)
{
    struct mm *mm = MM->mm;
    uint64_t old_end = PAGE_UP(mm->brk), new_end = PAGE_UP(addr);
    struct region r = { .start = old_end, .end = new_end, .prot = PROT_READ | PROT_WRITE, .flags = REGION_HEAP };

    if (addr < mm->brk_start || addr > USER_TOP || new_end - mm->brk_start > mm->data_limit)
        return (long)mm->brk;
    if (new_end > old_end) {
        if (!affordable(new_end - old_end, r.prot, 0) || !range_free(&mm->map, old_end, new_end + PAGE_SIZE - old_end, STACK_GUARD_GAP) ||
            region_add(&mm->map, &r) == NULL)
            return (long)mm->brk;
    } else if (new_end < old_end && range_unmap(new_end, old_end - new_end) != 0) {
        return (long)mm->brk;
    }
    mm->brk = addr;
    return (long)addr;
}
