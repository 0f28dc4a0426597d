/*
 * lock.c: pages that are made before they are touched: mlock and its kin, MAP_POPULATE.
 *
 * Nothing of a program is ever paged out, so locked pages are those that are there already; what remains is the limit and the flag.
 */
#include "thread/thread.h"
#include "vm/large.h"
#include "vm/map.h"

int
range_flags(uint64_t addr, uint64_t len, uint32_t set, uint32_t clear)
{
    struct region_map *m = &MM->mm->map;
    uint32_t first, last;

    large_cut(addr);
    large_cut(addr + len);
    if (region_cut(m, addr, addr + len, &first, &last) != 0)
        return -ENOMEM;
    for (uint32_t i = first; i < last; i++)
        m->at[i]->flags = (uint16_t)((m->at[i]->flags & ~clear) | set);
    region_merge(m, first, last);
    return 0;
}

int
vm_populate(uint64_t addr, uint64_t len, uint64_t error)
{
    for (uint64_t va = addr; va < addr + len; va += PAGE_SIZE) {
        const struct region *r = region_find(&MM->mm->map, va);
        uint64_t how = error, entry = pt_entry(va);
        struct vm_bad bad;

        if (r == NULL)
            return -ENOMEM;
        if (!(r->flags & REGION_SHARED) && (r->prot & PROT_WRITE))
            how |= FAULT_WRITE;     /* or it would have to be copied at the first store */
        if ((entry & AEG_PTE_P) && (!(how & FAULT_WRITE) || (entry & AEG_PTE_W)))
            continue;
        if (vm_fault(va, how, &bad) != 0)
            return bad.sig == NO_MEMORY_SIG ? -ENOMEM : -EFAULT;
        if (((va - addr) & (64 * PAGE_SIZE - 1)) == 0)
            sched_point();
    }
    return 0;
}

static uint64_t
locked_bytes(const struct mm *mm)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < mm->map.count; i++)
        if (mm->map.at[i]->flags & REGION_LOCKED)
            sum += mm->map.at[i]->end - mm->map.at[i]->start;
    return sum;
}

/* addr and len as mlock(2) takes them: any, rounded outwards. */
static bool
round_outwards(uint64_t *addr, uint64_t *len)
{
    *len = PAGE_UP(*len + (*addr & PAGE_MASK));
    *addr = PAGE_DOWN(*addr);
    return range_ok(*addr, *len);
}

long
vm_mlock(uint64_t addr, uint64_t len, bool now, bool privileged)
{
    const struct mm *mm = MM->mm;

    if (!round_outwards(&addr, &len))
        return -EINVAL;
    if (len == 0)
        return 0;
    if (!privileged && mm->lock_limit == 0)
        return -EPERM;
    if (!privileged && locked_bytes(mm) + len > mm->lock_limit)
        return -ENOMEM;
    if (!range_covered(addr, len) || range_flags(addr, len, REGION_LOCKED, 0) != 0)
        return -ENOMEM;
    return now && vm_populate(addr, len, 0) != 0 ? -ENOMEM : 0;
}

long
vm_munlock(uint64_t addr, uint64_t len)
{
    if (!round_outwards(&addr, &len))
        return -EINVAL;
    if (len == 0)
        return 0;
    return range_covered(addr, len) ? range_flags(addr, len, 0, REGION_LOCKED) : -ENOMEM;
}

long
vm_mlockall(bool current, bool future, bool now, bool privileged)
{
    struct mm *mm = MM->mm;
    uint64_t at = 0;
    uint32_t i;

    if (!privileged && mm->lock_limit == 0)
        return -EPERM;
    if (!privileged && current && mm->map.pages * PAGE_SIZE > mm->lock_limit)
        return -ENOMEM;
    mm->lock_future = future;
    if (!current)
        return 0;
    (void)!range_flags(0, USER_TOP, REGION_LOCKED, 0);
    while (now && (i = region_index(&mm->map, at)) < mm->map.count) {
        uint64_t start = mm->map.at[i]->start;

        at = mm->map.at[i]->end;
        (void)vm_populate(start, at - start, 0);        /* as far as it goes */
    }
    return 0;
}

long
vm_munlockall(void)
{
    MM->mm->lock_future = false;
    return range_flags(0, USER_TOP, 0, REGION_LOCKED);
}
