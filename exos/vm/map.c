/*
 * map.c: mmap and its kin: the region map changes first, then the page tables follow.
 */
#include "aegis/sys.h"
#include "base/frames.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "start/session.h"
#include "vm/vm.h"

#define MREMAP_MAYMOVE 1u
#define MREMAP_FIXED 2u
#define MMAP_KNOWN (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)
#define ENTRIES_MAX 64          /* that are taken out by one call */
#define NODE_SPAN (1ull << 21)    /* what one page table covers */
#define O_ACCMODE 3u
#define O_WRONLY 1u

/* ---- page tables after the regions ---- */

bool
region_tracked(const struct region *r)
{
    return (r->flags & REGION_SHARED) && r->file != NULL && r->file->ops->map != NULL;
}

/* What entries that are gone from the space held: frames of the process, and pinned pages of a file. */
static void
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

/* Calls fn for the part of each region within [start, end). */
static void
each_region(uint64_t start, uint64_t end, void (*fn)(struct region *r, uint64_t from, uint64_t to, uint64_t arg), uint64_t arg)
{
    struct region_map *m = &MM->mm->map;

    for (uint32_t i = region_index(m, start); i < m->count && m->at[i]->start < end; i++)
        fn(m->at[i], MAX(start, m->at[i]->start), MIN(end, m->at[i]->end), arg);
}

static void
part_drop(struct region *r, uint64_t from, uint64_t to, uint64_t arg)
{
    struct pt_walk w = { .done = done_release, .region = r };

    (void)arg;
    pt_walk(from, to, &w);
}

static void
part_protect(struct region *r, uint64_t from, uint64_t to, uint64_t prot)
{
    struct pt_walk w = { .change = change_protection, .region = r, .arg = prot };

    r->prot = (uint32_t)prot;
    pt_walk(from, to, &w);
}

/* ---- the range checks ---- */

static bool
range_ok(uint64_t addr, uint64_t len)
{
    return (addr & PAGE_MASK) == 0 && addr >= USER_BOTTOM && len <= USER_TOP && addr <= USER_TOP - len;
}

static int
carve(uint64_t addr, uint64_t len)
{
    struct region_map *m = &MM->mm->map;

    if (region_split(m, addr) != 0 || region_split(m, addr + len) != 0)
        return -ENOMEM;
    each_region(addr, addr + len, part_drop, 0);
    region_remove(m, addr, addr + len);
    return 0;
}

/* True when every page of the range belongs to a region. */
static bool
covered(uint64_t addr, uint64_t len)
{
    struct region_map *m = &MM->mm->map;
    uint64_t at = addr;

    for (uint32_t i = region_index(m, addr); at < addr + len; at = m->at[i++]->end)
        if (i == m->count || m->at[i]->start > at)
            return false;
    return true;
}

long
vm_munmap(uint64_t addr, uint64_t len)
{
    len = PAGE_UP(len);
    if (len == 0 || !range_ok(addr, len))
        return -EINVAL;
    return carve(addr, len);
}

/* Where a new mapping goes. */
static long
place(uint64_t addr, uint64_t len, uint32_t flags)
{
    struct mm *mm = MM->mm;
    uint64_t gap;
    uint32_t i;

    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (addr & PAGE_MASK)
            return -EINVAL;
        if (!range_ok(addr, len))
            return -ENOMEM;
        i = region_index(&mm->map, addr);
        if (i == mm->map.count || mm->map.at[i]->start >= addr + len)
            return (long)addr;
        if (!(flags & MAP_FIXED))
            return -EEXIST;
        return carve(addr, len) == 0 ? (long)addr : -ENOMEM;
    }
    addr = PAGE_UP(addr);
    if (addr != 0 && range_ok(addr, len)) {
        i = region_index(&mm->map, addr);
        if (i == mm->map.count || mm->map.at[i]->start >= addr + len)
            return (long)addr;
    }
    gap = region_gap(&mm->map, len, USER_BOTTOM, mm->stack_limit - (256 * PAGE_SIZE));
    return gap != 0 ? (long)gap : -ENOMEM;
}

static int
file_check(const struct file *f, uint32_t prot, uint32_t flags)
{
    if (f->ops->pin_page == NULL || f->ops->pin_again == NULL)
        return -ENODEV;
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EACCES;
    if ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) && (f->flags & O_ACCMODE) != O_RDWR)
        return -EACCES;
    if ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) && f->ops->make_writable == NULL)
        return -ENODEV;
    return 0;
}

/* Committing more than the session could ever have is refused; up to that, memory is found when it is touched. */
static bool
affordable(uint64_t len, uint32_t prot, uint32_t flags)
{
    if (len > MM->mm->space_limit || MM->mm->map.pages * PAGE_SIZE > MM->mm->space_limit - len)
        return false;
    return prot == 0 || (flags & MAP_NORESERVE) || len / PAGE_SIZE <= mem_total_pages();
}

/* Makes the region, once all that concerns the arguments is in order. */
static long
map_region(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *f, uint64_t offset)
{
    long at = place(addr, len, flags);
    struct region r = {
        .start = (uint64_t)at,
        .end = (uint64_t)at + len,
        .prot = prot,
        .flags = ((flags & MAP_TYPE) != MAP_PRIVATE ? REGION_SHARED : 0) | (flags & MAP_GROWSDOWN ? REGION_STACK : 0),
        .file = f,
        .offset = offset,
        .file_bytes = f != NULL ? len : 0,
    };

    if (at < 0)
        return at;
    return region_add(&MM->mm->map, &r) != NULL ? at : -ENOMEM;
}

static long
map_shared_zeros(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags)
{
    struct file *f = shared_memory_create();
    long at;

    if (f == NULL)
        return -ENOMEM;
    at = map_region(addr, len, prot, flags, f, 0);
    file_put(f);
    return at;
}

long
vm_mmap(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, struct file *f, uint64_t offset)
{
    uint32_t type = flags & MAP_TYPE;
    int err = 0;

    if (len == 0 || (offset & PAGE_MASK) || (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE))
        return -EINVAL;
    if (len > USER_TOP || (prot & ~PROT_ALL))
        return len > USER_TOP ? -ENOMEM : -EINVAL;
    len = PAGE_UP(len);
    if (f != NULL)
        err = file_check(f, prot, flags);
    if (err == 0 && !affordable(len, prot, flags))
        err = -ENOMEM;
    if (err != 0)
        return err;
    if (f == NULL && type != MAP_PRIVATE)
        return map_shared_zeros(addr, len, prot, flags);
    return map_region(addr, len, prot, flags, f, offset);
}

static void
part_not_writable(struct region *r, uint64_t from, uint64_t to, uint64_t found)
{
    (void)from, (void)to;
    if (r->file != NULL && (r->flags & REGION_SHARED) && (r->file->flags & O_ACCMODE) != O_RDWR)
        *(bool *)found = true;
}

long
vm_mprotect(uint64_t addr, uint64_t len, uint32_t prot)
{
    struct region_map *m = &MM->mm->map;
    bool refused = false;

    len = PAGE_UP(len);
    prot &= ~0x03000000u;       /* PROT_GROWSDOWN, PROT_GROWSUP */
    if ((addr & PAGE_MASK) || (prot & ~PROT_ALL))
        return -EINVAL;
    if (len == 0)
        return 0;
    if (!range_ok(addr, len) || !covered(addr, len))
        return -ENOMEM;
    each_region(addr, addr + len, part_not_writable, (uint64_t)&refused);
    if (refused && (prot & PROT_WRITE))
        return -EACCES;
    if (region_split(m, addr) != 0 || region_split(m, addr + len) != 0)
        return -ENOMEM;
    each_region(addr, addr + len, part_protect, prot);
    region_merge(m, addr, addr + len);
    return 0;
}

long
vm_discard(uint64_t addr, uint64_t len)
{
    len = PAGE_UP(len);
    if (!range_ok(addr, len))
        return -EINVAL;
    each_region(addr, addr + len, part_drop, 0);
    return covered(addr, len) ? 0 : -ENOMEM;
}

/* The files that the range maps shared are written, and waited for. */
long
vm_msync(uint64_t addr, uint64_t len, bool wait)
{
    struct region_map *m = &MM->mm->map;
    uint64_t end;

    len = PAGE_UP(len);
    if (!range_ok(addr, len) || !covered(addr, len))
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
    if (!range_ok(addr, len) || !covered(addr, len))
        return -ENOMEM;
    for (uint64_t at = addr; at < addr + len; at += PAGE_SIZE, vec++) {
        uint8_t in = pt_present(at);

        if (user_copy_out(vec, &in, 1) != 0)
            return -EFAULT;
    }
    return 0;
}

long
vm_brk(uint64_t addr)
{
    struct mm *mm = MM->mm;
    uint64_t old_end = PAGE_UP(mm->brk), new_end = PAGE_UP(addr);
    struct region r = { .start = old_end, .end = new_end, .prot = PROT_READ | PROT_WRITE, .flags = REGION_HEAP };

    if (addr < mm->brk_start || addr > USER_TOP || new_end - mm->brk_start > mm->data_limit)
        return (long)mm->brk;
    if (new_end > old_end) {
        uint32_t i = region_index(&mm->map, old_end);

        if (!affordable(new_end - old_end, r.prot, 0) || (i < mm->map.count && mm->map.at[i]->start < new_end + PAGE_SIZE) ||
            region_add(&mm->map, &r) == NULL)
            return (long)mm->brk;
    } else if (new_end < old_end && carve(new_end, old_end - new_end) != 0) {
        return (long)mm->brk;
    }
    mm->brk = addr;
    return (long)addr;
}

/* ---- mremap ---- */

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
    return carve(addr, old_len) == 0 ? (long)to : -ENOMEM;
}

static long
remap_in_place(struct region *r, uint64_t addr, uint64_t old_len, uint64_t new_len)
{
    struct region_map *m = &MM->mm->map;
    uint64_t end = addr + old_len, new_end = addr + new_len;
    uint32_t i = region_index(m, end);

    if (new_len <= old_len)
        return new_len == old_len || carve(new_end, end - new_end) == 0 ? (long)addr : -ENOMEM;
    if (r->end != end || !range_ok(addr, new_len) || (i < m->count && m->at[i]->start < new_end))
        return -ENOMEM;
    m->pages += (new_end - end) / PAGE_SIZE;
    if (r->file != NULL && r->file_bytes == r->end - r->start)
        r->file_bytes += new_end - end;
    r->end = new_end;
    region_merge(m, addr, new_end);
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
    at = place(new_addr, new_len, flags & MREMAP_FIXED ? MAP_FIXED : 0);
    r = region_find(&MM->mm->map, addr);
    if (at < 0 || r == NULL)
        return at < 0 ? at : -EFAULT;
    return mapping_move(r, addr, old_len, (uint64_t)at, new_len);
}

/* ---- the whole of it ---- */

struct mm *
mm_create(void)
{
    struct mm *mm = heap_alloc(sizeof(*mm));

    if (mm != NULL)
        region_map_init(&mm->map);
    return mm;
}

void
mm_clear(struct mm *mm)
{
    each_region(0, USER_TOP, part_drop, 0);
    region_map_free(&mm->map);
}

/* Without a window on its tables the entries are taken out blindly: what was there comes back. */
static void
region_clear_remote(struct mm *mm, struct region *r, uint64_t space)
{
    struct aeg_pte_op ops[ENTRIES_MAX];

    for (uint64_t va = r->start; va < r->end;) {
        uint64_t end = MIN(r->end, (va | (NODE_SPAN - 1)) + 1), n = MIN((end - va) / PAGE_SIZE, (uint64_t)ENTRIES_MAX), done = 0;

        for (uint64_t i = 0; i < n; i++)
            ops[i] = (struct aeg_pte_op){ va + i * PAGE_SIZE, 0 };
        if (aeg_pte_set(space, AEG_CAPS(CAP_SELF, CAP_SELF), ops, n, &done) != AEG_OK) {
            va = end;       /* no page table here */
            continue;
        }
        entries_release(mm, space, r, ops, (uint32_t)n);
        va += n * PAGE_SIZE;
    }
}

void
mm_clear_remote(struct mm *mm, uint64_t space)
{
    for (uint32_t i = 0; i < mm->map.count; i++)
        region_clear_remote(mm, mm->map.at[i], space);
    region_map_free(&mm->map);
}

bool
mm_recycle(struct mm *mm)
{
    struct mm_nodes *nodes = mm->nodes;

    if (nodes != NULL && nodes->next != NULL)
        return false;
    EXO_ASSERT(mm->map.count == 0);
    *mm = (struct mm){ .nodes = nodes };
    return true;
}

void
mm_destroy(struct mm *mm)
{
    struct mm_nodes *n, *next;

    for (n = mm->nodes; n != NULL; n = next) {
        next = n->next;
        for (uint32_t i = 0; i < n->count; i++)
            frame_give(n->node[i].frame, false);
        heap_free(n);
    }
    region_map_free(&mm->map);
    heap_free(mm);
}
