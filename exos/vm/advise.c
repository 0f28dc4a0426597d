/*
 * advise.c: what is said and asked about mappings that stay: madvise, msync, mincore.
 */
#include "base/uaccess.h"
#include "base/uio.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "vm/map.h"

static void
part_drop(struct region *r, uint64_t from, uint64_t to, uint64_t arg)
{
    (void)arg;
    entries_drop(r, from, to);
}

long
vm_discard(uint64_t addr, uint64_t len)
{
    len = PAGE_UP(len);
    if (!range_ok(addr, len))
        return -EINVAL;
    each_region(addr, addr + len, part_drop, 0);
    return range_covered(addr, len) ? 0 : -ENOMEM;
}

/* The files that the range maps shared are written, and waited for. */
long
vm_msync(uint64_t addr, uint64_t len, bool wait)
{
    struct region_map *m = &MM->mm->map;
    uint64_t end;

    len = PAGE_UP(len);
    if (!range_ok(addr, len) || !range_covered(addr, len))
        return -ENOMEM;
    end = addr + len;
    for (uint32_t i; wait && (i = region_index(m, addr)) < m->count && m->at[i]->start < end;) {
        struct file *f = region_tracked(m->at[i]) ? m->at[i]->file : NULL;
        int err;

        addr = m->at[i]->end;
        if (f == NULL)
            continue;
        file_get(f);            /* the region may go while the disk works */
        err = vfs_fsync(f->inode, true);
        file_put(f);
        if (err != 0)
            return -EIO;
    }
    return 0;
}

long
vm_mincore(uint64_t addr, uint64_t len, uva_t vec)
{
    len = PAGE_UP(len);
    if (addr & PAGE_MASK)
        return -EINVAL;
    if (!range_ok(addr, len) || !range_covered(addr, len))
        return -ENOMEM;
    for (uint64_t at = addr; at < addr + len; at += PAGE_SIZE, vec++) {
        uint8_t in = pt_present(at);

        if (user_copy_out(vec, &in, 1) != 0)
            return -EFAULT;
    }
    return 0;
}
