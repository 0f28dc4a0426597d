/*
 * regular.c: reading, writing, truncating and syncing a regular file through the page cache. Any file system whose inodes have a
 * cache space gets these.
 *
 * Rules:    own is held by whoever changes size or blocks. Readers take nothing: a page is valid or awaited. A block never becomes
 *           part of a file before the cache holds what a reader should see there.
 */
#include "base/mem.h"
#include "fs/notify.h"
#include "fs/quick.h"
#include "fs/seals.h"
#include "proc/signal.h"
#include "vm/vm.h"

#define THROTTLE_EVERY (64 * PAGE_SIZE)

/* As Linux's relatime: at most once after each change. */
void
regular_accessed(struct inode *i)
{
    if (i->mnt->read_only || (i->atime_ns > i->mtime_ns && i->atime_ns > i->ctime_ns))
        return;
    i->atime_ns = clock_realtime_ns();
    inode_changed(i);
}

static ssize
regular_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct inode *i = f->inode;
    struct cache_space *s = &i->data;
    ssize total = 0;

    while (u->left > 0 && *pos < s->size) {
        uint64_t off = *pos & PAGE_MASK, n = MIN(PAGE_SIZE - off, s->size - *pos);
        struct page *p = cache_find(s, *pos >> PAGE_SHIFT);
        ssize got = 0;

        if (p == NULL)
            got = cache_get(s, *pos >> PAGE_SHIFT, &f->readahead, &p);
        if (got == 0) {
            got = uio_out(u, p->data + off, n);
            cache_unpin(p);
        }
        if (got <= 0)
            return total > 0 ? total : got;
        *pos += (uint64_t)got;
        total += got;
        if ((total & (THROTTLE_EVERY - 1)) == 0)
            sched_point();
    }
    if (i->atime_ns <= i->mtime_ns || i->atime_ns <= i->ctime_ns)
        regular_accessed(i);
    return total;
}

/* ---- writing ---- */

static void
hold(struct inode *i)
{
    if (i->ops->hold != NULL)
        i->ops->hold(i);
}

static void
let_go(struct inode *i)
{
    if (i->ops->let_go != NULL)
        i->ops->let_go(i);
}

static bool
make_room(struct inode *i)
{
    return i->ops->make_room != NULL && i->ops->make_room(i);
}

/* Blocks past the end, which got no data after all, go back: on disk nothing may lie there. */
static void
trim(struct inode *i)
{
    uint64_t size = i->data.size;

    if (i->ops->free_range == NULL)
        return;
    cache_truncate(&i->data, PAGE_UP(size) >> PAGE_SHIFT, UINT64_MAX);
    if (i->data.block_shift < PAGE_SHIFT)
        cache_unplace(&i->data, size >> PAGE_SHIFT);
    if (i->ops->free_range(i, size, UINT64_MAX) != 0)
        log_print("fs: unused blocks of inode %lu could not be given back", i->ino);
}

/* Part of a page, or a page inside the file: in place. The page is in the cache before its blocks are found. */
static ssize
write_in_place(struct file *f, struct uio *u, uint64_t pos, uint64_t n)
{
    struct inode *i = f->inode;
    uint64_t off = pos & PAGE_MASK, done;
    struct page *p = cache_find(&i->data, pos >> PAGE_SHIFT);
    bool fresh = false;
    ssize got = 0;

    if (p == NULL)
        got = cache_get(&i->data, pos >> PAGE_SHIFT, &f->readahead, &p);
    if (got != 0)
        return got;
    if (!(p->flags & PG_MAPPED) && i->ops->allocate != NULL) {
        hold(i);
        got = i->ops->allocate(i, pos, n, &done, &fresh);
        if (got == 0) {
            n = MIN(n, done);
            if (fresh)                  /* whatever the copy does, the disk must not show what the block held before */
                regular_dirty(&i->data, p, (uint32_t)off, (uint32_t)n);
        }
        let_go(i);
        if (got != 0) {
            cache_unpin(p);
            return got;
        }
        cache_place(p);
    }
    got = uio_in(u, p->data + off, n);
    if (got > 0)
        regular_dirty(&i->data, p, (uint32_t)off, (uint32_t)got);
    cache_unpin(p);
    if (fresh && got < (ssize)n && pos + n > i->data.size) {
        if (got > 0)
            i->data.size = MAX(i->data.size, pos + (uint64_t)got);
        trim(i);
    }
    return got;
}

/* A whole page past the end of the file, under which blocks lie already. */
static ssize
write_new_page(struct inode *i, struct uio *u, uint64_t pos)
{
    void *data = cache_page_alloc();
    struct page *p;
    ssize got;
    int err;

    if (data == NULL)
        return -ENOMEM;
    got = uio_in(u, data, PAGE_SIZE);
    if (got <= 0) {
        page_free(data);
        return got;
    }
    memset((char *)data + got, 0, PAGE_SIZE - (uint64_t)got);
    err = cache_adopt(&i->data, pos >> PAGE_SHIFT, data, &p);
    if (err != 0)
        return err;
    if (i->ops->allocate != NULL)
        cache_place(p);
    cache_dirty(p, 0, PAGE_SIZE);
    cache_unpin(p);
    return got;
}

/* Whole pages past the end of the file: blocks for many at once, then page by page. */
static ssize
append_pages(struct inode *i, struct uio *u, uint64_t *pos)
{
    uint64_t want = PAGE_DOWN(u->left), start = *pos, done = want, end;
    bool fresh = false;
    ssize got = 1, total = 0;
    int err = 0;

    hold(i);
    if (i->ops->allocate != NULL)
        err = i->ops->allocate(i, *pos, want, &done, &fresh);
    if (err != 0) {
        let_go(i);
        return err;
    }
    end = *pos + MIN(want, done);
    while (got > 0 && *pos + PAGE_SIZE <= end) {
        got = write_new_page(i, u, *pos);
        if (got > 0) {
            *pos += (uint64_t)got;
            total += got;
            i->data.size = MAX(i->data.size, *pos);
        }
        if (got > 0 && got < (ssize)PAGE_SIZE)
            break;
        if ((total & (THROTTLE_EVERY - 1)) == 0)
            cache_throttle();
    }
    if (fresh && i->data.size < start + done)
        trim(i);                        /* a short copy, or the odd blocks at the end of a run */
    let_go(i);
    return total > 0 ? total : MIN(got, 0);
}

static ssize
write_some(struct file *f, struct uio *u, uint64_t *pos)
{
    struct inode *i = f->inode;
    uint64_t n = MIN(PAGE_SIZE - (*pos & PAGE_MASK), u->left);
    ssize got;

    if (n == PAGE_SIZE && *pos >= PAGE_UP(i->data.size)) {
        got = append_pages(i, u, pos);
        if (got != 0)
            return got;                 /* 0: less than a page's worth of blocks in one run */
    }
    got = write_in_place(f, u, *pos, n);
    if (got > 0) {
        *pos += (uint64_t)got;
        i->data.size = MAX(i->data.size, *pos);
    }
    return got;
}

/* The bytes after the end in its page become zeros. */
static int
zero_tail(struct inode *i, uint64_t end)
{
    struct page *p;
    uint32_t off = (uint32_t)(end & PAGE_MASK);
    int err;

    if (off == 0)
        return 0;
    err = cache_get(&i->data, end >> PAGE_SHIFT, NULL, &p);
    if (err != 0)
        return err;
    memset(p->data + off, 0, PAGE_SIZE - off);
    if (i->ops->allocate != NULL)
        regular_dirty(&i->data, p, off, 1);
    cache_unpin(p);
    return 0;
}

/* May a file have n bytes behind `at`? The limit of the process is told by a signal, too. */
static int
size_allowed(uint64_t at, uint64_t n)
{
    struct proc *p = proc_current();

    if (at + n > fs_current()->file_size_max) {
        if (p != NULL)
            proc_signal(p, SIGXFSZ);
        return -EFBIG;
    }
    return at + n > FILE_SIZE_MAX ? -EFBIG : 0;
}

static ssize
regular_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct inode *i = f->inode;
    ssize total = 0, got = 0;
    uint64_t written = 0;

    if (i->mnt->read_only)              /* since the file was opened */
        return -EROFS;
    own_take(&i->own);
    if ((f->flags & O_APPEND) || *pos == POS_APPEND)
        *pos = i->data.size;
    if (u->left > 0)
        got = i->seals > F_SEAL_SEAL && !seals_allow_write(i, *pos + u->left) ? -EPERM : size_allowed(*pos, 1);
    if (got == 0)
        u->left = MIN(u->left, MIN(FILE_SIZE_MAX, fs_current()->file_size_max) - *pos);
    if (got == 0 && *pos > i->data.size)        /* stores through mappings may have left something behind the end */
        got = zero_tail(i, i->data.size);
    while (got >= 0 && u->left > 0) {
        got = write_some(f, u, pos);
        if (got == -ENOSPC && make_room(i))
            got = write_some(f, u, pos);
        if (got <= 0)
            break;
        total += got;
        written += (uint64_t)got;
        if (written >= THROTTLE_EVERY) {
            written = 0;
            cache_throttle();
            sched_point();
        }
    }
    if (total > 0) {
        if ((i->mode & (S_ISUID | S_ISGID)) && fs_current()->uid != 0)
            i->mode &= ~(S_ISUID | S_ISGID);
        inode_times(i, true, true);
    }
    own_drop(&i->own);
    cache_throttle();
    if (total > 0 && (f->flags & (O_SYNC | O_DSYNC)) && vfs_fsync(f, true) != 0)
        return -EIO;
    return total > 0 ? total : got;
}

/* ---- size and blocks ---- */

static void
unmap_private(struct inode *i, uint64_t first, uint64_t last, bool copies)
{
    if (i->mapped)
        mm_forget_pages(i, first, last, copies);
}

static int
shrink(struct inode *i, uint64_t size)
{
    int err = zero_tail(i, size);

    if (err != 0)
        return err;
    i->data.size = size;
    inode_times(i, true, true);
    unmap_private(i, PAGE_UP(size) >> PAGE_SHIFT, UINT64_MAX, true);
    cache_truncate(&i->data, PAGE_UP(size) >> PAGE_SHIFT, UINT64_MAX);
    if (i->data.block_shift < PAGE_SHIFT && (size & PAGE_MASK) != 0)
        cache_unplace(&i->data, size >> PAGE_SHIFT);
    return i->ops->free_range != NULL ? i->ops->free_range(i, size, UINT64_MAX) : 0;
}

int
vfs_truncate(struct inode *i, uint64_t size)
{
    int err = 0;

    if (!inode_is(i, S_IFREG))
        return inode_is(i, S_IFDIR) ? -EISDIR : -EINVAL;
    if (i->mnt->read_only)
        return -EROFS;
    if (size > i->data.size && (err = size_allowed(size, 0)) != 0)
        return err;
    own_take(&i->own);
    if (!seals_allow_size(i, size)) {
        err = -EPERM;
    } else if (size < i->data.size) {
        err = shrink(i, size);
    } else {
        if (size > i->data.size)
            err = zero_tail(i, i->data.size);
        if (err == 0) {
            i->data.size = size;
            inode_times(i, true, true);
        }
    }
    own_drop(&i->own);
    if (err == 0)
        notify(i, IN_MODIFY);
    return err;
}

/* Blocks under n bytes of the page, which hold what it holds. */
static int
allocate_zeroed(struct inode *i, struct page *p, uint64_t off, uint64_t n, uint64_t *done)
{
    bool fresh;
    int err;

    hold(i);
    err = i->ops->allocate(i, off, n, done, &fresh);
    if (err == 0 && fresh)
        regular_dirty(&i->data, p, (uint32_t)(off & PAGE_MASK), (uint32_t)MIN(n, *done));
    let_go(i);
    return err;
}

/* Blocks, holding zeros, under a range that has none. */
static int
allocate_zeros(struct inode *i, uint64_t off, uint64_t len, bool keep_size)
{
    uint64_t end = off + len, done;
    int err = 0;

    while (off < end && err == 0) {
        struct page *p;
        uint64_t n = MIN(PAGE_SIZE - (off & PAGE_MASK), end - off);

        err = cache_get(&i->data, off >> PAGE_SHIFT, NULL, &p);
        if (err != 0)
            break;
        err = allocate_zeroed(i, p, off, n, &done);
        if (err == -ENOSPC && make_room(i))
            err = allocate_zeroed(i, p, off, n, &done);
        if (err == 0) {
            n = MIN(n, done);
            cache_place(p);
            off += n;
            if (!keep_size)
                i->data.size = MAX(i->data.size, off);
        }
        cache_unpin(p);
        cache_throttle();
    }
    if (err != 0)
        trim(i);
    return err;
}

/* Part of a page becomes zeros; what is in memory only and was never stored to stays a hole. */
static int
zero_in_page(struct inode *i, uint64_t at, uint32_t n)
{
    struct page *p = i->data.ops == NULL ? cache_find(&i->data, at >> PAGE_SHIFT) : NULL;
    int err = p == NULL && i->data.ops != NULL ? cache_get(&i->data, at >> PAGE_SHIFT, NULL, &p) : 0;

    if (err != 0 || p == NULL)
        return err;
    memset(p->data + (at & PAGE_MASK), 0, n);
    if (i->data.ops != NULL || p->dirty != 0)
        regular_dirty(&i->data, p, (uint32_t)(at & PAGE_MASK), n);
    cache_unpin(p);
    return 0;
}

/* Whole blocks inside the range lose their place, the edges become zeros. */
static int
punch(struct inode *i, uint64_t off, uint64_t len)
{
    uint64_t end = MIN(off + len, i->data.size), block = 1ull << i->data.block_shift;
    uint64_t first = (off + block - 1) & ~(block - 1), last = end == i->data.size ? (end + block - 1) & ~(block - 1) : end & ~(block - 1);
    int err = 0;

    for (uint64_t at = off, n; at < end && err == 0; at += n) {
        n = MIN(PAGE_SIZE - (at & PAGE_MASK), end - at);
        if (n == PAGE_SIZE) {
            unmap_private(i, at >> PAGE_SHIFT, (at >> PAGE_SHIFT) + 1, false);
            cache_truncate(&i->data, at >> PAGE_SHIFT, (at >> PAGE_SHIFT) + 1);
            continue;
        }
        err = zero_in_page(i, at, (uint32_t)n);
        if (err != 0)
            break;
        cache_unplace(&i->data, at >> PAGE_SHIFT);
    }
    if (err == 0 && first < last && i->ops->free_range != NULL)
        err = i->ops->free_range(i, first, last);
    return err;
}

/* What of the range was data goes, and blocks with zeros lie under all of it that is in the file. */
static int
make_zeros(struct inode *i, uint64_t off, uint64_t len, unsigned mode)
{
    uint64_t end = mode & FALLOC_KEEP_SIZE ? MIN(off + len, i->data.size) : off + len;
    int err = off < end ? punch(i, off, end - off) : 0;

    if (err == 0 && off > i->data.size && end > off)
        err = zero_tail(i, i->data.size);
    return err == 0 && off < end ? allocate_zeros(i, off, end - off, false) : err;
}

/* Those that move what is behind the range are not there. */
static int
check_modes(unsigned mode)
{
    const unsigned moves = FALLOC_COLLAPSE_RANGE | FALLOC_INSERT_RANGE;

    if (mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE | FALLOC_UNSHARE_RANGE | moves))
        return -EOPNOTSUPP;
    if ((mode & FALLOC_PUNCH_HOLE) && ((mode & FALLOC_ZERO_RANGE) || !(mode & FALLOC_KEEP_SIZE)))
        return -EOPNOTSUPP;
    return mode & (moves | FALLOC_UNSHARE_RANGE) ? -EOPNOTSUPP : 0;
}

int
vfs_fallocate(struct inode *i, unsigned mode, uint64_t off, uint64_t len)
{
    int err = check_modes(mode);

    if (err != 0)
        return err;
    if (!inode_is(i, S_IFREG))
        return inode_is(i, S_IFDIR) ? -EISDIR : inode_is(i, S_IFIFO) ? -ESPIPE : -ENODEV;
    if ((mode & FALLOC_ZERO_RANGE) && i->ops->allocate == NULL)
        return -EOPNOTSUPP;
    if (i->mnt->read_only)
        return -EROFS;
    if (i->seals & (mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE) ? F_SEAL_NO_WRITES : off + len > i->data.size ? F_SEAL_GROW : 0))
        return -EPERM;
    if (off > FILE_SIZE_MAX || len > FILE_SIZE_MAX - off)
        return -EFBIG;
    err = off + len > i->data.size && !(mode & FALLOC_KEEP_SIZE) ? size_allowed(off, len) : 0;
    if (err != 0)
        return err;
    if (i->ops->allocate == NULL && !(mode & FALLOC_PUNCH_HOLE))
        return mode & FALLOC_KEEP_SIZE ? 0 : vfs_truncate(i, MAX(i->data.size, off + len));
    /* Blocks past the end are an error of the format unless they are marked unwritten, which we do not make. */
    if (mode == FALLOC_KEEP_SIZE && off + len > i->data.size)
        return -EOPNOTSUPP;
    own_take(&i->own);
    err = mode & FALLOC_PUNCH_HOLE ? punch(i, off, len) : mode & FALLOC_ZERO_RANGE ? make_zeros(i, off, len, mode) :
          allocate_zeros(i, off, len, (mode & FALLOC_KEEP_SIZE) != 0);
    inode_times(i, true, true);
    own_drop(&i->own);
    if (err == 0)
        notify(i, IN_MODIFY);
    return err;
}

int
vfs_fsync(struct file *f, bool data_only)
{
    struct inode *i = f->inode;
    int err = 0, err2;

    if (f->ops->fsync != NULL)
        return f->ops->fsync(f);
    if (i->mnt->ops->fsync != NULL)
        err = i->mnt->ops->fsync(i, data_only);
    err2 = cache_error_since(&i->data, &f->errors_seen);
    return err != 0 ? err : err2;
}

static int
regular_pin(struct file *f, uint64_t index, void **page)
{
    struct cache_space *s = &f->inode->data;
    struct page *p;
    int err;

    if (index >= PAGE_UP(s->size) >> PAGE_SHIFT)
        return -ENXIO;
    p = cache_find(s, index);
    if (p == NULL) {
        err = cache_get(s, index, &f->readahead, &p);
        if (err != 0)
            return err;
        if (p->space == NULL) {         /* the file has lost it meanwhile */
            cache_unpin(p);
            return -EAGAIN;
        }
    }
    *page = p->data;
    return 0;
}

static void
regular_unpin(struct file *f, uint64_t index, void *page)
{
    cache_unpin_data(&f->inode->data, index, page);
}

static void
regular_pin_again(struct file *f, uint64_t index, void *page)
{
    cache_pin_data(&f->inode->data, index, page);
}

static int
regular_map(struct file *f, uint64_t index, void *page, uint64_t space, uint64_t va, uint64_t *count)
{
    return cache_map(cache_page_of(&f->inode->data, index, page), space, va, count);
}

static void
regular_unmap(struct file *f, uint64_t index, void *page, uint64_t space, uint64_t va)
{
    cache_unmap(cache_page_of(&f->inode->data, index, page), space, va);
}

/* Blocks under what of the page lies in the file, all of it dirty. The inode is owned. */
static int
prepare_stores(struct inode *i, struct page *p)
{
    uint64_t at = p->index << PAGE_SHIFT, end = MIN(at + PAGE_SIZE, i->data.size), done;
    int err = at < end ? 0 : -ENXIO;

    for (uint64_t off = at; off < end && err == 0 && i->ops->allocate != NULL; off += done) {
        err = allocate_zeroed(i, p, off, end - off, &done);
        if (err == -ENOSPC && make_room(i))
            err = allocate_zeroed(i, p, off, end - off, &done);
    }
    if (err != 0)
        return err;
    if (i->ops->allocate != NULL)
        cache_place(p);
    inode_times(i, true, true);
    regular_dirty(&i->data, p, 0, (uint32_t)(end - at));
    return 0;
}

static int
regular_make_writable(struct file *f, uint64_t index, void *page)
{
    struct inode *i = f->inode;
    struct page *p = cache_page_of(&i->data, index, page);
    int err;

    if (i->mnt->read_only)
        return -EROFS;
    cache_throttle();
    own_take(&i->own);
    err = p->space == NULL ? -EAGAIN : prepare_stores(i, p);
    own_drop(&i->own);
    return err;
}

static ssize
regular_read_quick(struct file *f, uva_t to, size_t n)
{
    if (!quick_read(f, to, n, f->pos))
        return file_read_user(f, to, n);
    f->pos += n;
    return (ssize)n;
}

static ssize
regular_write_quick(struct file *f, uva_t from, size_t n)
{
    if (!quick_write(f, from, n, f->pos))
        return file_write_user(f, from, n);
    f->pos += n;
    return (ssize)n;
}

const struct file_ops regular_file_ops = {
    .name = "file",
    .read = regular_read,
    .write = regular_write,
    .read_quick = regular_read_quick,
    .write_quick = regular_write_quick,
    .pin_page = regular_pin,
    .unpin_page = regular_unpin,
    .pin_again = regular_pin_again,
    .map = regular_map,
    .unmap = regular_unmap,
    .make_writable = regular_make_writable,
};
