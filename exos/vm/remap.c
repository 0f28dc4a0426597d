/*
 * remap.c: mremap.
 */
#include "aegis/sys.h"
#include "fs/file.h"
#include "vm/map.h"

#define MREMAP_MAYMOVE 1u
#define MREMAP_FIXED 2u

static int
page_move(uint64_t from, uint64_t to)
{
    uint64_t entry = pt_entry(from), old;

    if (!(entry & AEG_PTE_P))
        return 0;
    if (pt_ensure(to) != 0)
        return -ENOMEM;
    pt_set(to, entry & ~(AEG_PTE_A | AEG_PTE_D), &old);
    pt_set(from, 0, &old);
    return 0;
}

/* Moves the mapping [addr, old_len) of one region to `to`, new_len long. */
static long
mapping_move(struct region *r, uint64_t addr, uint64_t old_len, uint64_t to, uint64_t new_len)
{
    struct region copy = *r;
    uint64_t cut = addr - r->start;

    copy.start = to;
    copy.end = to + new_len;
    copy.offset += r->file != NULL ? cut : 0;
    copy.file_bytes = r->file == NULL ? 0 : new_len > old_len ? new_len : MIN(new_len, r->file_bytes - MIN(cut, r->file_bytes));
    for (uint64_t at = 0; at < MIN(old_len, new_len); at += PAGE_SIZE)
        if (pt_ensure(to + at) != 0)
            return -ENOMEM;
    if (region_add(&MM->mm->map, &copy) == NULL)
        return -ENOMEM;
    for (uint64_t at = 0; at < MIN(old_len, new_len) && !region_tracked(&copy); at += PAGE_SIZE)
        if (page_move(addr + at, to + at) != 0)
            return -ENOMEM;
    return range_unmap(addr, old_len) == 0 ? (long)to : -ENOMEM;
}

static long
remap_in_place(struct region *r, uint64_t addr, uint64_t old_len, uint64_t new_len)
{
    struct region_map *m = &MM->mm->map;
    uint64_t end = addr + old_len, new_end = addr + new_len;
    uint32_t i = region_index(m, end);

    if (new_len <= old_len)
        return new_len == old_len || range_unmap(new_end, end - new_end) == 0 ? (long)addr : -ENOMEM;
    if (r->end != end || !range_ok(addr, new_len) || (i < m->count && m->at[i]->start < new_end))
        return -ENOMEM;
    m->pages += (new_end - end) / PAGE_SIZE;
    if (r->file != NULL && r->file_bytes == r->end - r->start)
        r->file_bytes += new_end - end;
    r->end = new_end;
    region_merge(m, i - 1, i);
    return (long)addr;
}

long
vm_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uint64_t new_addr)
{
    struct region *r;
    long at;

    old_len = PAGE_UP(old_len);
    new_len = PAGE_UP(new_len);
    if (!range_ok(addr, old_len) || old_len == 0 || new_len == 0 || new_len > USER_TOP || (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)))
        return -EINVAL;
    if ((flags & MREMAP_FIXED) && (!(flags & MREMAP_MAYMOVE) || !range_ok(new_addr, new_len) ||
                                   (new_addr < addr + old_len && addr < new_addr + new_len)))
        return -EINVAL;
    r = region_find(&MM->mm->map, addr);
    if (r == NULL || r->end < addr + old_len)
        return -EFAULT;
    if (!(flags & MREMAP_FIXED)) {
        at = remap_in_place(r, addr, old_len, new_len);
        if (at >= 0 || !(flags & MREMAP_MAYMOVE))
            return at;
    }
    if (!affordable(new_len, r->prot, 0))
        return -ENOMEM;
    at = range_place(new_addr, new_len, flags & MREMAP_FIXED ? MAP_FIXED : 0);
    r = region_find(&MM->mm->map, addr);
    if (at < 0 || r == NULL)
        return at < 0 ? at : -EFAULT;
    return mapping_move(r, addr, old_len, (uint64_t)at, new_len);
}

