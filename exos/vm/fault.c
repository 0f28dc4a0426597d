/*
 * fault.c: what a touch of a page that is not there, or not allowed, makes of it.
 *
 * Anonymous memory and what lies behind the end of a file's part is zeros; a private file page is the cached page itself, read-only and
 * pinned, until it is written: then a copy. A shared one is mapped read-only until it is written, so that its file knows.
 */
#include "aegis/types.h"
#include "base/frames.h"
#include "base/uaccess.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "thread/thread.h"
#include "thread/turn.h"
#include "vm/large.h"
#include "vm/pager.h"

#define SIGBUS 7
#define SIGSEGV 11
#define BUS_ADRERR 2

static int
bad_access(struct vm_bad *bad, int sig, int code)
{
    *bad = (struct vm_bad){ sig, code };
    return -EFAULT;
}

static uint64_t
leaf_bits(const struct region *r)
{
    return AEG_PTE_P | (r->prot != 0 ? AEG_PTE_U : PTE_NONE) | (r->prot & PROT_WRITE ? AEG_PTE_W : 0) |
           (r->prot & PROT_EXEC ? 0 : AEG_PTE_NX);
}

static bool
allowed(const struct region *r, uint64_t error)
{
    if (error & FAULT_WRITE)
        return (r->prot & PROT_WRITE) != 0;
    if (error & FAULT_EXEC)
        return (r->prot & PROT_EXEC) != 0;
    return r->prot != 0;
}

/* The stack region below which va lies, grown down to it; NULL: va is not the stack's, or the limit or the guard gap is in the way. */
static struct region *
stack_grow(struct mm *mm, uint64_t va)
{
    uint32_t i = region_index(&mm->map, va);
    struct region *r = i < mm->map.count ? mm->map.at[i] : NULL;
    uint64_t start = PAGE_DOWN(va);

    if (r == NULL || !(r->flags & REGION_STACK) || r->end - start > mm->stack_bytes || (r->end == mm->stack_top && start < mm->stack_limit))
        return NULL;
    if (i > 0 && mm->map.at[i - 1]->end + STACK_GUARD_GAP > start && mm->map.at[i - 1]->prot != 0 &&
        !(mm->map.at[i - 1]->flags & REGION_STACK))
        return NULL;
    if (i > 0 && mm->map.at[i - 1]->end > start)
        return NULL;
    if (mm->map.pages * PAGE_SIZE + (r->start - start) > mm->space_limit)
        return NULL;
    mm->map.pages += (r->start - start) / PAGE_SIZE;
    r->start = start;
    return r;
}

/* The entry for va, a page of r. */
static inline void
enter(struct region *r, uint64_t va, uint64_t pte, uint64_t *old)
{
    r->touched = true;
    pt_set(va, pte, old);
}

/* A frame of zeros at va, as the region says. */
static int
map_zero(struct mm *mm, struct region *r, uint64_t va)
{
    uint64_t old, bits = leaf_bits(r);
    bool zero;
    uint64_t frame = frame_take(&zero);

    if (frame == 0)
        return -ENOMEM;
    if (!zero && (!(r->prot & PROT_WRITE) || threads_beside())) {   /* who may see the page, or store to it */
        frame_clear(frame);
        zero = true;
    }
    enter(r, va, frame << PAGE_SHIFT | bits, &old);
    if (!zero && uaccess_zero_pages((void *)va, 1) != 0)
        EXO_PANIC("a fresh page at %lx cannot be cleared", va);
    mm->resident++;
    return 0;
}

/* A private copy of `from` (a session page, or NULL: zeros) in a new frame at va; the bytes from `keep` on are zeros. */
static int
map_copy(struct mm *mm, struct region *r, uint64_t va, const void *from, uint64_t keep, uint64_t *old)
{
    bool zero;
    uint64_t frame = frame_take(&zero);
    uint8_t *p;

    if (frame == 0)
        return -ENOMEM;
    p = scratch_map(frame, true);
    memcpy(p, from, keep);
    memset(p + keep, 0, PAGE_SIZE - keep);
    scratch_unmap(p);
    enter(r, va, frame << PAGE_SHIFT | leaf_bits(r), old);
    mm->resident++;
    return 0;
}

/* The region may have gone while the file was read: another thread of the process may have mapped something else there. */
static bool
still_there(struct mm *mm, uint64_t va, const struct region *r, const struct region *was)
{
    const struct region *now = region_find(&mm->map, va);

    return now == r && r->file == was->file && r->flags == was->flags && r->offset - r->start == was->offset - was->start &&
           r->start + r->file_bytes == was->start + was->file_bytes;
}

/* The file's page, ready to be written if that is what it is for. */
static int
pin(const struct region *r, struct file *f, uint64_t index, bool write, void **page)
{
    int err = f->ops->pin_page(f, index, page);

    if (err == 0 && write && (r->flags & REGION_SHARED) && f->ops->make_writable != NULL) {
        err = f->ops->make_writable(f, index, *page);
        if (err != 0)
            f->ops->unpin_page(f, index, *page);
    }
    return err;
}

/* The pinned page itself at va. Where the file must know of stores, writable only once it does. */
static int
map_shared(struct mm *mm, struct region *r, uint64_t va, void *page, bool write)
{
    uint64_t index = (r->offset + (va - r->start)) / PAGE_SIZE, deny = 0, old;
    struct file *f = r->file;

    if (f->ops->map == NULL) {
        mm->shared++;
    } else if (f->ops->map(f, index, page, MM->space, va, &mm->shared) != 0) {
        f->ops->unpin_page(f, index, page);
        return -ENOMEM;
    } else if (!write) {
        deny = AEG_PTE_W;
    }
    enter(r, va, page_frame(page) << PAGE_SHIFT | (leaf_bits(r) & ~deny) | PTE_PINNED, &old);
    return 0;
}

/* If the file shrinks, this has to be undone. */
static inline void
mapped_privately(struct file *f)
{
    if (f->inode != NULL)
        f->inode->mapped = true;
}

static int
map_file(struct mm *mm, struct region *r, uint64_t va, bool write, struct vm_bad *bad)
{
    uint64_t at = va - r->start, index = (r->offset + at) / PAGE_SIZE, old;
    uint64_t keep = MIN(r->file_bytes - at, PAGE_SIZE);
    const struct region was = *r;
    struct file *f = r->file;
    void *page;
    int err;

    file_get(f);
    err = pin(r, f, index, write, &page);
    if (err == -EAGAIN) {
        err = 0;                /* the file has changed meanwhile: the access is tried again */
    } else if (err == 0 && (!still_there(mm, va, r, &was) || (pt_entry(va) & AEG_PTE_P))) {  /* another thread was quicker */
        f->ops->unpin_page(f, index, page);
        err = 0;
    } else if (err == 0 && pt_ensure(va) != 0) {    /* a large entry may have taken the table's place for a while */
        f->ops->unpin_page(f, index, page);
        err = -ENOMEM;
    } else if (err == 0 && (r->flags & REGION_SHARED)) {
        err = map_shared(mm, r, va, page, write);
    } else if (err == 0 && !write && keep == PAGE_SIZE) {
        mapped_privately(f);
        enter(r, va, page_frame(page) << PAGE_SHIFT | (leaf_bits(r) & ~AEG_PTE_W) | PTE_PINNED, &old);
        mm->shared++;
    } else if (err == 0) {
        mapped_privately(f);
        err = map_copy(mm, r, va, page, keep, &old);
        f->ops->unpin_page(f, index, page);
    }
    file_put(f);
    if (err != 0 && err != -ENOMEM)
        return bad_access(bad, SIGBUS, BUS_ADRERR);
    return err;
}

/* A write to a page that a fork shared: the last that holds it keeps it, others get a copy. */
static int
unshare(struct mm *mm, struct region *r, uint64_t va, uint64_t entry)
{
    uint64_t frame = (entry & AEG_PTE_ADDR) >> PAGE_SHIFT, old;

    if (frame_refs(frame) == 1) {
        pt_set(va, frame << PAGE_SHIFT | leaf_bits(r), &old);
        return 0;
    }
    if (map_copy(mm, r, va, (const void *)va, PAGE_SIZE, &old) != 0)
        return -ENOMEM;
    mm->resident--;
    frames_drop(&frame, 1);
    return 0;
}

/* A write to a file's cached page that is mapped here: from now on a private copy. */
static int
copy_on_write(struct mm *mm, struct region *r, uint64_t va, uint64_t entry)
{
    uint64_t frame = (entry & AEG_PTE_ADDR) >> PAGE_SHIFT, old;
    void *page = page_of_frame(frame);
    int err = map_copy(mm, r, va, page, PAGE_SIZE, &old);

    if (err != 0)
        return err;
    mm->shared--;
    r->file->ops->unpin_page(r->file, (r->offset + (va - r->start)) / PAGE_SIZE, page);
    return 0;
}

/* A write to a shared page that is mapped read-only until its file knows. */
static int
write_shared(struct mm *mm, struct region *r, uint64_t va, uint64_t entry, struct vm_bad *bad)
{
    uint64_t old;

    if ((entry & AEG_PTE_W) || r->file->ops->map == NULL)
        return 0;               /* stale in the TLB */
    pt_set(va, 0, &old);
    r->file->ops->unmap(r->file, (r->offset + (va - r->start)) / PAGE_SIZE, page_of_frame((entry & AEG_PTE_ADDR) >> PAGE_SHIFT),
                        MM->space, va);
    return map_file(mm, r, va, true, bad);
}

static int
serve(struct mm *mm, struct region *r, uint64_t va, uint64_t error, struct vm_bad *bad)
{
    uint64_t entry, at = va - r->start;

    entry = pt_entry(va);
    if (entry & AEG_PTE_P) {
        if ((entry & AEG_PTE_PS) && (error & FAULT_WRITE) && !(entry & AEG_PTE_W)) {
            large_split(va);        /* a fork shares it: page by page from now on */
            entry = pt_entry(va);
        }
        if ((error & FAULT_WRITE) && (entry & PTE_PINNED))
            return r->flags & REGION_SHARED ? write_shared(mm, r, va, entry, bad) : copy_on_write(mm, r, va, entry);
        if ((error & FAULT_WRITE) && (entry & PTE_COW))
            return unshare(mm, r, va, entry);
        return 0;           /* somebody else was faster, or the entry was stale in the TLB */
    }
    if ((r->flags & REGION_HUGE) && large_map(mm, r, va, leaf_bits(r)))
        return 0;
    if (pt_ensure(va) != 0)
        return -ENOMEM;
    if (r->file != NULL && at < r->file_bytes)
        return map_file(mm, r, va, (error & FAULT_WRITE) != 0, bad);
    return map_zero(mm, r, va);
}

int
vm_fault(uint64_t va, uint64_t error, struct vm_bad *bad)
{
    struct mm *mm = MM->mm;
    struct region *r;
    int err;

    if (mm == NULL || va >= USER_TOP)
        return bad_access(bad, SIGSEGV, SEGV_MAPERR);
    r = region_find(&mm->map, va);
    if (r == NULL)
        r = stack_grow(mm, va);
    if (r == NULL)
        return bad_access(bad, SIGSEGV, SEGV_MAPERR);
    if (!allowed(r, error) || (UNLIKELY(r->flags & REGION_PAGER) && pager_denies(va, error)))
        return bad_access(bad, SIGSEGV, SEGV_ACCERR);
    err = serve(mm, r, PAGE_DOWN(va), error, bad);
    if (err == -ENOMEM)
        return bad_access(bad, NO_MEMORY_SIG, 0);     /* the session has no memory left: as Linux' out-of-memory killer, but it hits who asks */
    return err;
}
