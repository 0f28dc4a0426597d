/*
 * protect.c: mprotect (benchmark rows `mprotect, ...`).
 */
#include "aegis/sys.h"
#include "fs/file.h"
#include "vm/large.h"
#include "vm/map.h"

#define PROT_GROWSDOWN 0x01000000u  /* from the beginning of the stack on that addr lies in */

static uint64_t
change_protection(struct pt_walk *w, uint64_t va, uint64_t old)
{
    uint32_t prot = (uint32_t)w->arg;
    uint64_t now = old & ~(AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX | PTE_NONE);

    (void)va;
    if (!(old & AEG_PTE_P))
        return old;
    now |= prot != 0 ? AEG_PTE_U : PTE_NONE;
    if (!(prot & PROT_EXEC))
        now |= AEG_PTE_NX;
    if ((prot & PROT_WRITE) && (region_tracked(w->region) ? (old & AEG_PTE_W) != 0 :
                                (w->region->flags & REGION_SHARED) || !(old & (PTE_PINNED | PTE_COW))))
        now |= AEG_PTE_W;
    return now;
}

void
entries_protect(struct region *r, uint64_t from, uint64_t to, uint32_t prot)
{
    struct pt_walk w = { .change = change_protection, .large = large_change, .region = r, .arg = prot };
    uint64_t old, now;

    if (!r->touched)
        return;
    if (to - from > PAGE_SIZE) {
        pt_walk(from, to, &w);
        return;
    }
    old = pt_entry(from);
    if (old & AEG_PTE_PS) {
        large_split(from);
        old = pt_entry(from);
    }
    now = change_protection(&w, from, old);
    if (now != old)
        pt_set(from, now, &old);
}

/* May the regions from i on, which have to cover [addr, end), be given this protection? */
static int
check(const struct region_map *m, uint32_t i, uint64_t addr, uint64_t end, uint32_t prot)
{
    for (; addr < end; addr = m->at[i++]->end) {
        const struct region *r = i < m->count ? m->at[i] : NULL;

        if (r == NULL || r->start > addr)
            return -ENOMEM;
        if ((prot & PROT_WRITE) && (r->flags & REGION_SHARED) && r->file != NULL &&
            ((r->file->flags & O_ACCMODE) != O_RDWR || (r->flags & REGION_SEALED)))
            return -EACCES;
        if (r->flags & REGION_PAGER)
            return -EACCES;
    }
    return 0;
}

/* More than the three bits: PROT_SEM says nothing here, and PROT_GROWSDOWN means the stack from its beginning on. */
static int
odd_protection(uint64_t *addr, uint64_t *len, uint32_t *prot)
{
    const struct region *r = region_find(&MM->mm->map, *addr);
    bool whole = (*prot & PROT_GROWSDOWN) != 0;

    if (*prot & ~(PROT_ALL | PROT_SEM | PROT_GROWSDOWN))
        return -EINVAL;
    *prot &= PROT_ALL;
    if (!whole || *len == 0)
        return 0;
    if (r == NULL)
        return -ENOMEM;
    if (!(r->flags & REGION_STACK))
        return -EINVAL;
    *len += *addr - r->start;
    *addr = r->start;
    return 0;
}

long
vm_mprotect(uint64_t addr, uint64_t len, uint32_t prot)
{
    struct region_map *m = &MM->mm->map;
    uint32_t i, first, last;
    uint64_t asked = len;
    struct region *r;
    int err;

    len = PAGE_UP(len);
    if (addr & PAGE_MASK)
        return -EINVAL;
    if ((prot & ~PROT_ALL) && (err = odd_protection(&addr, &len, &prot)) != 0)
        return err;
    if (len == 0)
        return asked == 0 ? 0 : -ENOMEM;
    i = region_index(m, addr);
    err = range_ok(addr, len) ? check(m, i, addr, addr + len, prot) : -ENOMEM;
    if (err != 0)
        return err;
    r = region_lend(m, i, addr, addr + len, prot);
    if (r != NULL) {
        entries_protect(r, addr, addr + len, prot);
        return 0;
    }
    if (region_cut(m, addr, addr + len, &first, &last) != 0)
        return -ENOMEM;
    for (i = first; i < last; i++) {
        r = m->at[i];
        if (r->prot != prot)
            entries_protect(r, r->start, r->end, prot);
        r->prot = prot;
    }
    region_merge(m, first, last);
    return 0;
}
