/*
 * quick.h: reads and overwrites inside one cached page: the shortest way between a program's buffer and a regular file (rows `pread` and
 * `pwrite` of aegis-bench).
 *
 * Holds:    all of it happens, or nothing that anybody can see, and then the caller takes the long way, which sees to everything: a
 *           page or a block that is not there, a fault, the end of the file, O_APPEND, O_SYNC, seals, set-id bits, watches. Nothing here sleeps, so
 *           the descriptor's file needs no reference.
 */
#ifndef EXOS_FS_QUICK_H
#define EXOS_FS_QUICK_H

#include "base/uaccess.h"
#include "fs/cache_priv.h"
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/regular.h"
#include "fs/seals.h"

/* The open regular file behind fd, not referenced; NULL: another kind, or none. */
static inline struct file *
quick_file(uint64_t fd)
{
    struct file *f = fd_peek(fd);

    return f != NULL && f->ops == &regular_file_ops ? f : NULL;
}

/* The page at index, pinned, if it can be had at once. */
static inline struct page *
quick_page(struct cache_space *s, uint64_t index)
{
    struct page *p = NULL;

    if (lock_try(&cache.lock)) {
        p = page_pin_valid(s, index);
        lock_release(&cache.lock);
    }
    return p;
}

static inline bool
quick_read(struct file *f, uva_t to, size_t n, uint64_t pos)
{
    struct inode *i = f->inode;
    size_t off = pos & PAGE_MASK;
    struct page *p;
    bool moved;

    if ((f->flags & O_ACCMODE) == O_WRONLY || notify_wanted(i) || n > PAGE_SIZE - off || pos >= i->data.size || n > i->data.size - pos || !user_ok(to, n))
        return false;
    p = quick_page(&i->data, pos >> PAGE_SHIFT);
    if (p == NULL)
        return false;
    moved = uaccess_moved((void *)to, p->data + off, n);
    cache_unpin(p);
    if (!moved)
        return false;
    if (i->atime_ns <= i->mtime_ns || i->atime_ns <= i->ctime_ns)
        regular_accessed(i);
    return true;
}

/* May a write to f in place do without looking at anything but the page? */
static inline bool
quick_may_write(const struct file *f, uva_t from, size_t n, uint64_t pos)
{
    const struct inode *i = f->inode;

    return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & (O_APPEND | O_SYNC)) && n - 1 < PAGE_SIZE - (pos & PAGE_MASK) &&
           pos <= i->data.size && pos + n <= fs_caller()->file_size_max && user_ok(from, n) && !i->mnt->read_only &&
           !(i->mode & (S_ISUID | S_ISGID)) && i->seals <= F_SEAL_SEAL && !notify_wanted(i);
}

/* The inode is owned. What a fault leaves of the copy is in the page, as with the long way, which does it again. */
static inline bool
quick_overwrite(struct inode *i, uva_t from, size_t n, uint64_t pos)
{
    size_t off = pos & PAGE_MASK;
    bool moved;
    struct page *p = quick_page(&i->data, pos >> PAGE_SHIFT);

    if (p == NULL)
        return false;
    if (!(p->flags & PG_MAPPED) && i->ops->allocate != NULL) {
        cache_unpin(p);
        return false;
    }
    moved = uaccess_moved(p->data + off, (const void *)from, n);
    regular_dirty(&i->data, p, (uint32_t)off, (uint32_t)n);
    cache_unpin(p);
    if (!moved)
        return false;
    if (pos + n > i->data.size)
        i->data.size = pos + n;
    inode_times(i, true, true);
    return true;
}

static inline bool
quick_write(struct file *f, uva_t from, size_t n, uint64_t pos)
{
    struct inode *i = f->inode;
    bool done;

    if (!quick_may_write(f, from, n, pos) || !own_try(&i->own))
        return false;
    done = quick_overwrite(i, from, n, pos);
    own_drop(&i->own);
    if (done && cache_crowded())
        cache_throttle();
    return done;
}

#endif
