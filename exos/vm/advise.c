/*
 * advise.c: what is said and asked about mappings that stay: madvise, msync, mincore.
 */
#include "base/uaccess.h"
#include "base/uio.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "vm/map.h"

/* Linux include/uapi/asm-generic/mman-common.h */
enum {
    MADV_NORMAL = 0, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE = 8, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
    MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK,
    MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED, MADV_COLLAPSE, MADV_END,
};

static bool
known(int advice)
{
    return advice >= 0 && advice < MADV_END && (advice <= MADV_DONTNEED || advice >= MADV_FREE);
}

static const struct inode *
behind(const struct region *r)
{
    return r->file != NULL && r->file->inode != NULL && (r->file->inode->mode & S_IFMT) == S_IFREG ? r->file->inode : NULL;
}

/* The file loses what the part shows. Only where stores reach the file. May sleep. */
static int
remove_part(const struct region *r, uint64_t from, uint64_t to)
{
    struct file *f = r->file;
    uint64_t offset = r->offset + (from - r->start);
    int err;

    if (behind(r) == NULL)
        return -EINVAL;
    if (!(r->flags & REGION_SHARED) || (f->flags & O_ACCMODE) != O_RDWR)
        return -EACCES;
    file_get(f);                /* the region may go meanwhile */
    err = vfs_fallocate(f->inode, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, offset, to - from);
    file_put(f);
    return err;
}

static void
read_ahead(struct region *r, uint64_t from, uint64_t to)
{
    struct file *f = r->file;
    uint64_t first = (r->offset + (from - r->start)) >> PAGE_SHIFT, count = (to - from) >> PAGE_SHIFT;

    if (behind(r) == NULL)
        return;
    file_get(f);
    cache_prefetch(&f->inode->data, first, (uint32_t)MIN(count, (uint64_t)CACHE_READAHEAD_MAX));
    file_put(f);
}

/* Advice to one region's part. What concerns only speed is taken as heard. */
static int
advise_part(struct region *r, uint64_t from, uint64_t to, int advice)
{
    bool own_zeros = r->file == NULL && !(r->flags & REGION_SHARED);

    switch (advice) {
    case MADV_FREE:
        if (!own_zeros)
            return -EINVAL;
        entries_drop(r, from, to);
        return 0;
    case MADV_DONTNEED:
        if (r->flags & REGION_LOCKED)
            return -EINVAL;
        entries_drop(r, from, to);
        return 0;
    case MADV_DONTNEED_LOCKED:
        entries_drop(r, from, to);
        return 0;
    case MADV_COLD: case MADV_PAGEOUT: return r->flags & REGION_LOCKED ? -EINVAL : 0;
    case MADV_REMOVE: return r->flags & REGION_LOCKED ? -EINVAL : remove_part(r, from, to);
    case MADV_DONTFORK: return range_flags(from, to - from, REGION_DONTFORK, 0);
    case MADV_DOFORK: return range_flags(from, to - from, 0, REGION_DONTFORK);
    case MADV_WIPEONFORK: return own_zeros ? range_flags(from, to - from, REGION_WIPE, 0) : -EINVAL;
    case MADV_HUGEPAGE: return own_zeros && !(r->flags & REGION_PAGER) ? range_flags(from, to - from, REGION_HUGE, 0) : 0;
    case MADV_NOHUGEPAGE: return range_flags(from, to - from, 0, REGION_HUGE);
    case MADV_KEEPONFORK: return range_flags(from, to - from, 0, REGION_WIPE);
    case MADV_WILLNEED:
        read_ahead(r, from, to);
        return 0;
    default: return 0;
    }
}

static int
make_pages(const struct region *r, uint64_t from, uint64_t to, int advice)
{
    uint32_t need = advice == MADV_POPULATE_WRITE ? PROT_WRITE : PROT_READ;

    return r->prot & need ? vm_populate(from, to - from, advice == MADV_POPULATE_WRITE ? FAULT_WRITE : 0) : -EINVAL;
}

long
vm_madvise(uint64_t addr, uint64_t len, int advice)
{
    struct region_map *m = &MM->mm->map;
    bool populate = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE, hole = false;
    uint64_t end = addr + PAGE_UP(len);

    if (!known(advice) || (addr & PAGE_MASK) || end < addr || (len != 0 && PAGE_UP(len) == 0))
        return -EINVAL;
    while (addr < end) {
        uint32_t i = region_index(m, addr);
        struct region *r = i < m->count ? m->at[i] : NULL;
        uint64_t to;
        int err;

        if (r == NULL || r->start > addr)
            hole = true;
        if (r == NULL || r->start >= end || (hole && populate))
            return -ENOMEM;
        addr = MAX(addr, r->start);
        to = MIN(end, r->end);
        err = populate ? make_pages(r, addr, to, advice) : advise_part(r, addr, to, advice);
        if (err != 0)
            return err;
        addr = to;
    }
    return hole ? -ENOMEM : 0;
}

/* The files that the range maps shared are written, and waited for. */
long
vm_msync(uint64_t addr, uint64_t len, bool wait, bool invalidate)
{
    struct region_map *m = &MM->mm->map;
    uint64_t end;

    len = PAGE_UP(len);
    if (!range_ok(addr, len))
        return -ENOMEM;
    end = addr + len;
    for (uint32_t i; addr < end; ) {
        struct file *f;
        int err;

        i = region_index(m, addr);
        if (i == m->count || m->at[i]->start > addr)
            return -ENOMEM;
        if (invalidate && (m->at[i]->flags & REGION_LOCKED))
            return -EBUSY;
        f = region_tracked(m->at[i]) ? m->at[i]->file : NULL;
        addr = m->at[i]->end;
        if (f == NULL || !wait)
            continue;
        file_get(f);            /* the region may go while the disk works */
        err = vfs_fsync(f, true);
        file_put(f);
        if (err != 0)
            return -EIO;
    }
    return 0;
}

/* Is the page in memory: mapped here, or in the cache of its file? */
static bool
resident(const struct region *r, uint64_t va)
{
    const struct inode *i = behind(r);
    struct page *p;

    if (pt_present(va))
        return true;
    if (i == NULL || va - r->start >= r->file_bytes)
        return false;
    p = cache_find(&r->file->inode->data, (r->offset + (va - r->start)) >> PAGE_SHIFT);
    if (p != NULL)
        cache_unpin(p);
    return p != NULL;
}

long
vm_mincore(uint64_t addr, uint64_t len, uva_t vec)
{
    len = PAGE_UP(len);
    if (addr & PAGE_MASK)
        return -EINVAL;
    if (!range_ok(addr, len))
        return -ENOMEM;
    for (uint64_t at = addr; at < addr + len; at += PAGE_SIZE, vec++) {
        const struct region *r = region_find(&MM->mm->map, at);
        uint8_t in;

        if (r == NULL)
            return -ENOMEM;
        in = resident(r, at);
        if (user_copy_out(vec, &in, 1) != 0)
            return -EFAULT;
    }
    return 0;
}
