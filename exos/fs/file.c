/*
 * file.c: open file descriptions: made, shared, read and written, let go; and opening a file for the loader.
 *
 * Holds:    some that are in no use, for the next open.
 * Locks:    files.lock, around those.
 */
#include "fs/file.h"
#include "base/mem.h"
#include "fs/inode.h"
#include "fs/mounting.h"
#include "fs/notify.h"

#define FILES_KEPT 32

static struct {
    struct lock lock;
    uint32_t kept;
    struct file *unused;                /* by priv */
} files = { .lock = LOCK_INIT(LOCK_RANK_HEAP) };
static uint32_t open_count;
struct lock file_watchers_lock = LOCK_INIT(LOCK_RANK_FDTABLE);

uint32_t
file_count(void)
{
    return __atomic_load_n(&open_count, __ATOMIC_RELAXED);
}

uint32_t
file_spare_count(void)
{
    return __atomic_load_n(&files.kept, __ATOMIC_RELAXED);
}

static inline struct file *
take_kept(void)
{
    struct file *f;

    lock_acquire(&files.lock);
    f = files.unused;
    if (f != NULL) {
        files.unused = f->priv;
        files.kept--;
    }
    lock_release(&files.lock);
    return f;
}

void
file_spares_drop(void)
{
    struct file *f;

    while ((f = take_kept()) != NULL)
        heap_free(f);
}

struct file *
file_create(const struct file_ops *ops, uint32_t flags, void *priv)
{
    struct file *f = take_kept();

    if (f == NULL)
        f = heap_alloc(sizeof(*f));
    if (f == NULL)
        return NULL;
    *f = (struct file){ .ops = ops, .refs = 1, .flags = flags, .priv = priv };
    __atomic_add_fetch(&open_count, 1, __ATOMIC_RELAXED);
    return f;
}

static inline void
give_back(struct file *f)
{
    bool keep;

    lock_acquire(&files.lock);
    keep = files.kept < FILES_KEPT;
    if (keep) {
        f->priv = files.unused;
        files.unused = f;
        files.kept++;
    }
    lock_release(&files.lock);
    if (!keep)
        heap_free(f);
}

/* The last use of f ends: those who watch the inode hear of it, and its locks go. */
static NOINLINE void
end_attended(struct file *f, struct inode *i)
{
    if (notify_wanted(i) && !(f->flags & O_PATH))
        notify_of(i, (f->flags & O_ACCMODE) != O_RDONLY ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    if (i->locks != NULL)
        lock_drop_owner(i, (uintptr_t)f);
}

void
file_end(struct file *f)
{
    struct inode *i = f->inode;

    while (f->watchers != NULL)
        f->watchers->gone(f);
    if (f->ops->release != NULL)
        f->ops->release(f);
    if (i != NULL) {
        if (UNLIKELY(i->attention != 0))
            end_attended(f, i);
        if ((f->flags & O_ACCMODE) != O_RDONLY && __atomic_sub_fetch(&i->writers, 1, __ATOMIC_ACQ_REL) == 0 &&
            i->ops->last_close != NULL)
            i->ops->last_close(i);
        inode_release(i);
    }
    __atomic_sub_fetch(&open_count, 1, __ATOMIC_RELAXED);
    give_back(f);
}

NOINLINE ssize
file_read_user(struct file *f, uva_t to, size_t n)
{
    struct uio u;
    ssize got = -EBADF;

    file_get(f);
    uio_init_user(&u, to, MIN(n, RW_COUNT_MAX));
    if (file_may_read(f))
        got = f->ops->read != NULL ? f->ops->read(f, &u, &f->pos) : -EINVAL;
    if (got > 0)
        notify_file(f, IN_ACCESS);
    file_put(f);
    return got;
}

NOINLINE ssize
file_write_user(struct file *f, uva_t from, size_t n)
{
    struct uio u;
    ssize put = -EBADF;

    file_get(f);
    uio_init_user(&u, from, MIN(n, RW_COUNT_MAX));
    if (file_may_write(f))
        put = f->ops->write != NULL ? f->ops->write(f, &u, &f->pos) : -EINVAL;
    if (put > 0)
        notify_file(f, IN_MODIFY);
    file_put(f);
    return put;
}

struct file *
fs_open_executable(const char *path, int *err)
{
    struct file *f = NULL;
    struct inode *i;

    *err = path_lookup(NULL, path, true, &i);
    if (*err != 0)
        return NULL;
    *err = inode_is(i, S_IFREG) && !(i->mnt->flags & MS_NOEXEC) ? inode_may(i, MAY_EXEC) : -EACCES;
    if (*err == 0)
        *err = vfs_open_inode(i, O_RDONLY | O_LARGEFILE, &f);
    inode_put(i);
    return f;
}

int
file_read_exact(struct file *f, void *dst, size_t n, uint64_t offset)
{
    struct uio u;

    uio_init_kernel(&u, dst, n);
    while (u.left > 0) {
        ssize got = f->ops->read == NULL ? -EIO : f->ops->read(f, &u, &offset);

        if (got < 0)
            return -EIO;
        if (got == 0)
            return -ENOEXEC;
    }
    notify_file(f, IN_ACCESS);
    return 0;
}
