/*
 * pager.c: pagers of the program's own: who answers for which region, and what they allow of their pages.
 *
 * Holds:    a region names its pager by a number, so that what is unmapped, forked or split needs no other bookkeeping. The number is free again
 *           when no region has it. The pager whose fault was the last has its range in struct mm_local, where pager.asm finds it; all others
 *           are looked up here, and then the instruction is tried once more.
 * Bounds:   EXOS_PAGERS_MAX.
 * Not here: the handler's frame, and the way back from it (pager.asm).
 */
#include "vm/pager.h"

#include "base/mem.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/signal.h"
#include "thread/thread.h"
#include "vm/large.h"
#include "vm/map.h"

/* The range is that part which a fault, or a change, was in last. Others may look at it, without the library's turn. */
struct pagers {
    struct pager_now at[EXOS_PAGERS_MAX];
};

const struct pager_now pager_nobody = { .bytes = 0 };

#define POINT_PAGES 64          /* made at once, before others may run */
#define FRAME_BYTES 512         /* of a handler at most, on its stack, without vectors (pager.asm) */
#define NOBODY 0                /* pagers are numbered from 1 */

static inline unsigned
number_of(const struct region *r)
{
    return r->flags >> REGION_PAGER_SHIFT;
}

/* ---- whose it is ---- */

int
pagers_copy(struct mm *to, const struct mm *from)
{
    if (from->pagers == NULL)
        return 0;
    to->pagers = heap_alloc(sizeof(*to->pagers));
    if (to->pagers == NULL)
        return -ENOMEM;
    *to->pagers = *from->pagers;
    return 0;
}

void
pagers_free(struct mm *mm)
{
    heap_free(mm->pagers);
    mm->pagers = NULL;
}

/* A number that no region has, or NOBODY. */
static unsigned
number_free(const struct mm *mm)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < mm->map.count; i++)
        if (number_of(mm->map.at[i]) != NOBODY)
            used |= 1ull << (number_of(mm->map.at[i]) - 1);
    return ~used != 0 ? (unsigned)__builtin_ctzll(~used) + 1 : NOBODY;
}
_Static_assert(EXOS_PAGERS_MAX == 64, "bits of a word");

/* Is all of [start, end) memory that a pager may have? */
static int
range_check(struct region_map *m, uint64_t start, uint64_t end)
{
    for (uint32_t i = region_index(m, start); start < end; start = m->at[i++]->end) {
        const struct region *r = i < m->count ? m->at[i] : NULL;

        if (r == NULL || r->start > start)
            return -ENOMEM;
        if (r->file != NULL || (r->flags & (REGION_SHARED | REGION_STACK)) || r->prot == 0)
            return -EINVAL;
        if (number_of(r) != NOBODY)
            return -EEXIST;
    }
    return 0;
}

long
pager_start(uint64_t start, uint64_t bytes, uint64_t handler, uint64_t arg)
{
    struct mm *mm = MM->mm;
    unsigned number;
    int err;

    if (bytes == 0 || (bytes & PAGE_MASK) || !range_ok(start, bytes) || handler >= USER_TOP)
        return -EINVAL;
    err = range_check(&mm->map, start, start + bytes);
    if (err != 0)
        return err;
    number = number_free(mm);
    if (number == NOBODY)
        return -ENOSPC;
    if (mm->pagers == NULL && (mm->pagers = heap_alloc(sizeof(*mm->pagers))) == NULL)
        return -ENOMEM;
    if (range_flags(start, bytes, number << REGION_PAGER_SHIFT, REGION_HUGE) != 0)
        return -ENOMEM;
    for (uint64_t va = start; va < start + bytes && mm->large != 0; va = (va | (TABLE_SPAN - 1)) + 1)
        if (pt_span_empty(va) == SPAN_LARGE)
            large_split(va);
    mm->pagers->at[number - 1].handler = handler;
    mm->pagers->at[number - 1].arg = arg;
    return 0;
}

long
pager_end(uint64_t va)
{
    struct region_map *m = &MM->mm->map;
    const struct region *first = region_find(m, va);
    unsigned number = first != NULL ? number_of(first) : NOBODY;

    if (number == NOBODY)
        return -EINVAL;
    pager_forget();
    for (uint32_t i = 0; i < m->count; i++) {
        struct region *r = m->at[i];

        if (number_of(r) != number)
            continue;
        entries_protect(r, r->start, r->end, r->prot);
        r->flags &= (uint16_t)~REGION_PAGER;
    }
    region_merge(m, 0, m->count);
    return 0;
}

/* ---- its faults ---- */

#define DENIABLE (PROT_READ | PROT_WRITE)
#define ACCESS_BITS (AEG_PTE_W | AEG_PTE_U | PTE_NONE)      /* pager.asm */

/* Of entries, by what the region allows and what the pager does. */
static const union access {
    uint16_t allow[DENIABLE + 1];
    uint64_t all;
} access_bits[] = {
    [0] = { { PTE_NONE, AEG_PTE_U, 0, 0 } },    /* the last two are refused */
    [PROT_WRITE] = { { PTE_NONE, AEG_PTE_U | PTE_NONE, AEG_PTE_U | AEG_PTE_W, AEG_PTE_U | AEG_PTE_W } },
};

static bool
alike(const struct region *low, const struct region *high)
{
    return low->end == high->start && number_of(low) == number_of(high) && low->prot == high->prot;
}

/* The region at i and those around it that are like it: what pager.asm need not ask about. */
static void
remember(struct mm *mm, uint32_t i)
{
    struct region *const *at = mm->map.at;
    struct pager_now *now = &mm->pagers->at[number_of(at[i]) - 1];
    uint32_t low = i, high = i;

    while (low > 0 && alike(at[low - 1], at[low]))
        low--;
    while (high + 1 < mm->map.count && alike(at[high], at[high + 1]))
        high++;
    *now = (struct pager_now){
        .start = at[low]->start,
        .bytes = at[high]->end - at[low]->start,
        .handler = now->handler,
        .arg = now->arg,
        .access = access_bits[at[i]->prot & PROT_WRITE].all,
    };
    MM->pager = now;
}

/* The memory is there that a handler's frame takes. */
static bool
frame_fits(uint64_t rsp)
{
    uint64_t bytes = vectors_bytes() + FRAME_BYTES, low = rsp - bytes;
    struct vm_bad bad;

    if (!user_ok(low, bytes))
        return false;
    for (uint64_t va = PAGE_DOWN(low); va < rsp; va += PAGE_SIZE)
        if (vm_fault(va, FAULT_WRITE, &bad) != 0)
            return false;
    return true;
}

COLD bool
pager_denies(uint64_t va, uint64_t error)
{
    return !(error & FAULT_BY_PAGER) && (pt_entry(va) & (AEG_PTE_P | PTE_NONE)) != AEG_PTE_P;
}

bool
pager_answers(uint64_t va, uint64_t rsp)
{
    struct mm *mm = MM->mm;
    struct region *r = region_find(&mm->map, va);

    if (r == NULL || number_of(r) == NOBODY || !pager_denies(va, 0))
        return false;
    remember(mm, region_index(&mm->map, va));
    return pt_ensure(va) == 0 && frame_fits(rsp);
}

/* ---- what it allows ---- */

static inline uint64_t
page_bits(const struct region *r, uint32_t prot, uint64_t entry)
{
    return (entry & ~(uint64_t)ACCESS_BITS) | access_bits[r->prot & PROT_WRITE].allow[prot];
}

/* The page has to be made, or had for its own, before it can have that protection. */
static inline bool
to_be_made(uint64_t entry, uint32_t prot)
{
    return !(entry & AEG_PTE_P) ? prot != 0 : (entry & PTE_COW) && (prot & PROT_WRITE);
}

static int
page_protect(struct region *r, uint64_t va, uint32_t prot)
{
    uint64_t entry = pt_entry(va), bits, old;
    struct vm_bad bad;

    if (to_be_made(entry, prot)) {
        if (vm_fault(va, FAULT_BY_PAGER | (prot & PROT_WRITE ? FAULT_WRITE : 0), &bad) != 0)
            return -ENOMEM;
        entry = pt_entry(va);
    }
    bits = page_bits(r, prot, entry);
    if ((entry & AEG_PTE_P) && bits != entry)
        pt_set(va, bits, &old);
    return 0;
}

/* Of those pages that are there; w->left: how many are to be made first. */
struct protecting {
    struct pt_walk walk;
    uint64_t left;
};

static uint64_t
change(struct pt_walk *w, uint64_t va, uint64_t old)
{
    struct protecting *p = container_of(w, struct protecting, walk);

    (void)va;
    if (!(old & AEG_PTE_P) || to_be_made(old, (uint32_t)w->arg))
        return old;
    p->left--;
    return page_bits(w->region, (uint32_t)w->arg, old);
}

/* May r's pages be given that protection by their pager? */
static inline int
allowed(const struct region *r, uint64_t va, uint32_t prot)
{
    if (r == NULL || va < r->start || number_of(r) == NOBODY)
        return -EINVAL;
    return (prot & ~r->prot & PROT_WRITE) ? -EACCES : 0;
}

/* Those that are not there yet. Others may run meanwhile, and map something else. */
static int
range_make(uint64_t start, uint64_t end, uint32_t prot)
{
    int err = 0;

    for (uint64_t va = start; va < end && err == 0; va += PAGE_SIZE) {
        struct region *r = region_find(&MM->mm->map, va);

        err = allowed(r, va, prot);
        if (err == 0 && to_be_made(pt_entry(va), prot))
            err = page_protect(r, va, prot);
        if (((va - start) & (POINT_PAGES * PAGE_SIZE - 1)) == 0)
            sched_point();
    }
    return err;
}

static int
range_protect(uint64_t start, uint64_t end, uint32_t prot)
{
    struct protecting p = { { .change = change, .arg = prot }, (end - start) / PAGE_SIZE };
    struct region_map *m = &MM->mm->map;
    uint32_t first = region_index(m, start), i = first;
    uint64_t va;
    int err = 0;

    for (va = start; va < end && err == 0; va = m->at[i++]->end)
        err = allowed(i < m->count ? m->at[i] : NULL, va, prot);
    if (err != 0)
        return err;
    for (i = first, va = start; va < end; va = m->at[i++]->end) {
        p.walk.region = m->at[i];
        pt_walk(va, MIN(end, m->at[i]->end), &p.walk);
    }
    return p.left == 0 || prot == 0 ? 0 : range_make(start, end, prot);
}

static inline int
element_protect(uint64_t va, uint64_t count_prot)
{
    uint64_t count = (uint32_t)count_prot;
    uint32_t prot = (uint32_t)(count_prot >> 32);
    struct region *r;
    int err;

    if ((va & PAGE_MASK) || (prot & ~DENIABLE) || !range_ok(va, count * PAGE_SIZE))
        return -EINVAL;
    if (count != 1)
        return range_protect(va, va + count * PAGE_SIZE, prot);
    r = region_find(&MM->mm->map, va);
    err = allowed(r, va, prot);
    if (err != 0)
        return err;
    if (va - MM->pager->start >= MM->pager->bytes)
        remember(MM->mm, region_index(&MM->mm->map, va));
    return page_protect(r, va, prot);
}
_Static_assert(sizeof(struct exos_pages) == 16 && offsetof(struct exos_pages, count) == 8 && offsetof(struct exos_pages, prot) == 12, "ABI");

static bool
word_in(uint64_t *word, uva_t at)
{
    return uaccess_load64(word, at) || user_copy_in(word, at, sizeof(*word)) == 0;
}

/* One page that is there is most often dealt with in pager.asm. */
long
pages_protect(uva_t vector, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++, vector += sizeof(struct exos_pages)) {
        uint64_t va, count_prot;
        int err = -EFAULT;

        if (user_ok(vector, sizeof(struct exos_pages)) && word_in(&va, vector) && word_in(&count_prot, vector + sizeof(va)))
            err = element_protect(va, count_prot);
        if (err != 0)
            return i > 0 ? (long)i : err;
        if (i > 0)
            sched_point();
    }
    return (long)n;
}
