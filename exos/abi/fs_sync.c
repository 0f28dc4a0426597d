/* fs_sync.c: getting data to the disk, and advice about what will be read. */
#include "abi/linux_fs.h"

LX(sync)
{
    (void)args;
    if (fs_sync_all() != 0)
        log_print("fs: sync: some data could not be written");
    return 0;
}

static long
sync_fd(uint64_t fd, bool data_only)
{
    struct file *f = lx_file(fd);
    long err;

    if (f == NULL)
        return -EBADF;
    if (f->inode == NULL || (f->flags & O_PATH))
        err = f->inode == NULL ? -EINVAL : -EBADF;
    else
        err = vfs_fsync(f, data_only);
    file_put(f);
    return err;
}

LX(fsync)
{
    return sync_fd(args->a[0], false);
}

LX(fdatasync)
{
    return sync_fd(args->a[0], true);
}

LX(syncfs)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    err = f->inode != NULL && f->inode->mnt->ops->sync != NULL ? f->inode->mnt->ops->sync(f->inode->mnt, true) : 0;
    file_put(f);
    return err;
}

LX(sync_file_range)
{
    struct file *f = lx_file(args->a[0]);
    uint64_t first = args->a[1] >> PAGE_SHIFT, last = args->a[2] == 0 ? UINT64_MAX : PAGE_UP(args->a[1] + args->a[2]) >> PAGE_SHIFT;
    long err = 0;

    if (f == NULL)
        return -EBADF;
    if ((int64_t)args->a[1] < 0 || (int64_t)args->a[2] < 0 || (args->a[3] & ~7ul))
        err = -EINVAL;
    else if (f->inode == NULL || !inode_is(f->inode, S_IFREG))
        err = -ESPIPE;
    else if (args->a[3] != 0)
        err = cache_sync_range(&f->inode->data, first, last);
    file_put(f);
    return err;
}

/* Starts reading a range of a regular file, as much as is reasonable. */
static void
prefetch(struct inode *i, uint64_t off, uint64_t len)
{
    uint64_t first = off >> PAGE_SHIFT, count = MIN((len + PAGE_SIZE - 1) >> PAGE_SHIFT, 512ul);

    for (uint64_t n = 0; n < count; n += CACHE_READAHEAD_MAX)
        cache_prefetch(&i->data, first + n, (uint32_t)MIN(count - n, (uint64_t)CACHE_READAHEAD_MAX));
}

static long
advise(uint64_t fd, uint64_t off, uint64_t len, bool need)
{
    struct file *f = lx_file(fd);
    long err = 0;

    if (f == NULL)
        return -EBADF;
    if (f->inode == NULL)
        err = -ESPIPE;
    else if (need && inode_is(f->inode, S_IFREG))
        prefetch(f->inode, off, len == 0 ? inode_size(f->inode) : len);
    file_put(f);
    return err;
}

LX(fadvise64)
{
    if (args->a[3] > 5 || (int64_t)args->a[2] < 0)
        return -EINVAL;
    return advise(args->a[0], args->a[1], args->a[2], args->a[3] == 3);        /* POSIX_FADV_WILLNEED */
}

LX(readahead)
{
    const struct file *f = fd_peek(args->a[0]);

    if (f == NULL || !file_may_read(f))
        return -EBADF;
    if (f->inode == NULL || !(inode_is(f->inode, S_IFREG) || inode_is(f->inode, S_IFBLK)))
        return -EINVAL;
    return advise(args->a[0], args->a[1], args->a[2], true);
}
