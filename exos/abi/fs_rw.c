/*
 * fs_rw.c: moving bytes: read, write, their vector and positioned forms, sendfile and copy_file_range.
 */
#include "abi/linux_fs.h"
#include "base/mem.h"
#include "fs/devices.h"
#include "fs/notify.h"
#include "fs/quick.h"
#include "fs/regular.h"
#include "fs/seek.h"

#define IOV_INLINE 8

static ssize
do_read(struct file *f, struct uio *u, uint64_t *pos)
{
    if (!file_may_read(f))
        return -EBADF;
    return f->ops->read != NULL ? f->ops->read(f, u, pos) : -EINVAL;
}

static ssize
do_write(struct file *f, struct uio *u, uint64_t *pos)
{
    if (!file_may_write(f))
        return -EBADF;
    return f->ops->write != NULL ? f->ops->write(f, u, pos) : -EINVAL;
}

LX(read)
{
    struct file *f = fd_peek(args->a[0]);

    if (f == NULL)
        return -EBADF;
    return f->ops->read_quick != NULL ? f->ops->read_quick(f, args->a[1], args->a[2]) : file_read_user(f, args->a[1], args->a[2]);
}

LX(write)
{
    struct file *f = fd_peek(args->a[0]);

    if (f == NULL)
        return -EBADF;
    return f->ops->write_quick != NULL ? f->ops->write_quick(f, args->a[1], args->a[2]) : file_write_user(f, args->a[1], args->a[2]);
}

/* Pipes, sockets and terminals have no positions. */
static long
check_position(const struct file *f, uint64_t pos)
{
    if (f->inode == NULL || (inode_is(f->inode, S_IFCHR) && f->inode->rdev >> 8 != 1))
        return -ESPIPE;
    return (int64_t)pos < 0 ? -EINVAL : 0;
}

static NOINLINE long
pread_long(const struct lx_args *args)
{
    struct file *f = lx_file(args->a[0]);
    uint64_t pos = args->a[3];
    struct uio u;
    ssize n;

    if (f == NULL)
        return -EBADF;
    uio_init_user(&u, args->a[1], MIN(args->a[2], RW_COUNT_MAX));
    n = check_position(f, pos);
    if (n == 0)
        n = do_read(f, &u, &pos);
    if (n > 0)
        notify_file(f, IN_ACCESS);
    file_put(f);
    return n;
}

LX(pread64)
{
    struct file *f = quick_file(args->a[0]);

    return f != NULL && quick_read(f, args->a[1], args->a[2], args->a[3]) ? (long)args->a[2] : pread_long(args);
}

static NOINLINE long
pwrite_long(const struct lx_args *args)
{
    struct file *f = lx_file(args->a[0]);
    uint64_t pos = args->a[3];
    struct uio u;
    ssize n;

    if (f == NULL)
        return -EBADF;
    uio_init_user(&u, args->a[1], MIN(args->a[2], RW_COUNT_MAX));
    n = check_position(f, pos);
    if (n == 0)
        n = do_write(f, &u, &pos);
    if (n > 0)
        notify_file(f, IN_MODIFY);
    file_put(f);
    return n;
}

LX(pwrite64)
{
    struct file *f = quick_file(args->a[0]);

    return f != NULL && quick_write(f, args->a[1], args->a[2], args->a[3]) ? (long)args->a[2] : pwrite_long(args);
}

/* Copies the vector in (to the heap when it is long: *heap) and sets the cursor. */
static long
iov_in(struct uio *u, uva_t iov, uint64_t count, struct uio_vec *small, struct uio_vec **heap)
{
    struct uio_vec *v = small;
    uint64_t total = 0;

    *heap = NULL;
    if (count > UIO_IOV_MAX)
        return -EINVAL;
    if (count > IOV_INLINE) {
        v = *heap = heap_alloc(count * sizeof(*v));
        if (v == NULL)
            return -ENOMEM;
    }
    if (user_copy_in(v, iov, count * sizeof(*v)) != 0)
        return -EFAULT;
    for (uint64_t n = 0; n < count; n++) {
        if ((int64_t)v[n].len < 0)
            return -EINVAL;
        v[n].len = MIN(v[n].len, RW_COUNT_MAX - total);
        total += v[n].len;
    }
    *u = (struct uio){ .iov = v, .iov_count = (uint32_t)count, .left = total };
    return 0;
}

#define RWF_HIPRI  1u
#define RWF_DSYNC  2u
#define RWF_SYNC   4u
#define RWF_NOWAIT 8u
#define RWF_APPEND 16u

/* Can this be read without waiting: are so many bytes, at least one, in memory? Those that are not are left out. */
static long
limit_to_memory(const struct file *f, struct uio *u, uint64_t pos)
{
    uint64_t end = pos;

    if (f->ops != &regular_file_ops)
        return f->ops->poll == NULL ? -EOPNOTSUPP : f->ops->poll((struct file *)f) & 1 ? 0 : -EAGAIN;
    while (end < inode_size(f->inode) && end < pos + u->left) {
        struct page *p = cache_find(&f->inode->data, end >> PAGE_SHIFT);

        if (p == NULL)
            break;
        cache_unpin(p);
        end = PAGE_DOWN(end) + PAGE_SIZE;
    }
    if (end == pos && u->left > 0 && pos < inode_size(f->inode))
        return -EAGAIN;
    u->left = MIN(u->left, end - pos);
    return 0;
}

static ssize
read_how(struct file *f, struct uio *u, uint64_t *pos, unsigned how)
{
    long err = how & RWF_NOWAIT ? limit_to_memory(f, u, *pos) : 0;

    return err != 0 ? err : do_read(f, u, pos);
}

/* RWF_APPEND: at the end, and the file's position follows only if it was meant. */
static ssize
write_how(struct file *f, struct uio *u, uint64_t *pos, unsigned how)
{
    uint64_t end = POS_APPEND;
    ssize n = do_write(f, u, (how & RWF_APPEND) && f->inode != NULL && inode_is(f->inode, S_IFREG) ? &end : pos);

    if (n > 0 && (how & RWF_APPEND) && end != POS_APPEND)
        *pos = end;
    if (n > 0 && (how & (RWF_DSYNC | RWF_SYNC)) && f->inode != NULL && vfs_fsync(f, !(how & RWF_SYNC)) != 0)
        n = -EIO;
    return n;
}

/* pos NULL: the file's own. how: RWF_*. */
static long
vector(const struct lx_args *args, uint64_t *pos, bool write, unsigned how)
{
    struct file *f = lx_file(args->a[0]);
    struct uio_vec small[IOV_INLINE], *heap = NULL;
    struct uio u;
    long n;

    if (f == NULL)
        return -EBADF;
    n = pos != NULL ? check_position(f, *pos) : 0;
    if (n == 0)
        n = iov_in(&u, args->a[1], args->a[2], small, &heap);
    if (n == 0 && pos == NULL)
        pos = &f->pos;
    if (n == 0)
        n = write ? write_how(f, &u, pos, how) : read_how(f, &u, pos, how);
    if (n > 0)
        notify_file(f, write ? IN_MODIFY : IN_ACCESS);
    heap_free(heap);
    file_put(f);
    return n;
}

LX(readv)
{
    return vector(args, NULL, false, 0);
}

LX(writev)
{
    return vector(args, NULL, true, 0);
}

/* Memory is copied: what the program does with it afterwards is not seen in the pipe. The flags are hints. */
LX(vmsplice)
{
    struct file *f = fd_peek(args->a[0]);

    if (args->a[3] & ~0xful)
        return -EINVAL;
    if (f == NULL || f->ops->pipe == NULL)
        return -EBADF;
    return vector(args, NULL, file_may_write(f), 0);
}

LX(preadv)
{
    uint64_t pos = args->a[3];

    return vector(args, &pos, false, 0);
}

LX(pwritev)
{
    uint64_t pos = args->a[3];

    return vector(args, &pos, true, 0);
}

LX(preadv2)
{
    uint64_t pos = args->a[3];
    unsigned how = (unsigned)args->a[5];

    if (how & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
        return -EOPNOTSUPP;
    return vector(args, pos == UINT64_MAX ? NULL : &pos, false, how);
}

LX(pwritev2)
{
    uint64_t pos = args->a[3];
    unsigned how = (unsigned)args->a[5];

    if (how & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND))
        return -EOPNOTSUPP;             /* whether a write would wait is not known beforehand */
    return vector(args, pos == UINT64_MAX ? NULL : &pos, true, how);
}

#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#define SEEK_DATA 3
#define SEEK_HOLE 4

static int64_t
end_of(const struct file *f)
{
    const struct blkdev *dev = inode_is(f->inode, S_IFBLK) ? devfs_block(f->inode) : NULL;

    return dev != NULL ? (int64_t)(dev->sector_count * BLK_SECTOR) : (int64_t)inode_size(f->inode);
}

/* Where the position would be, or -errno. */
static int64_t
seek_target(const struct file *f, int64_t off, unsigned whence)
{
    int64_t size = end_of(f), base;

    switch (whence) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (int64_t)f->pos;
        break;
    case SEEK_END:
        base = size;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        return inode_seek(f->inode, off, whence == SEEK_HOLE);
    default:
        return -EINVAL;
    }
    return __builtin_add_overflow(base, off, &base) || base < 0 ? -EINVAL : base;
}

/* Devices without end are everywhere at their beginning. */
static bool
has_places(const struct file *f)
{
    return !inode_is(f->inode, S_IFCHR);
}

LX(lseek)
{
    struct file *f = lx_file(args->a[0]);
    long result;

    if (f == NULL)
        return -EBADF;
    result = (f->flags & O_PATH) ? -EBADF : check_position(f, 0);
    if (result == 0 && !has_places(f))
        result = 0;
    else if (result == 0)
        result = seek_target(f, (int64_t)args->a[1], (unsigned)args->a[2]);
    if (result >= 0)
        f->pos = (uint64_t)result;
    file_put(f);
    return result;
}

/* ---- file to file ---- */

/* At most a page from in (at *in_pos) to out. Bytes, 0 at the end, or -errno; *in_pos moves by what was written. */
static ssize
move_some(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, uint64_t max, void *page)
{
    uint64_t pos = *in_pos;
    struct uio u;
    ssize n;

    uio_init_kernel(&u, page, MIN(max, PAGE_SIZE));
    n = do_read(in, &u, &pos);
    if (n <= 0)
        return n;
    uio_init_kernel(&u, page, (uint64_t)n);
    n = do_write(out, &u, out_pos);
    if (n > 0)
        *in_pos += (uint64_t)n;
    return n;
}

static long
move_all(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, uint64_t count)
{
    void *page = page_alloc();
    uint64_t done = 0;
    ssize n = 0;

    if (page == NULL)
        return -ENOMEM;
    count = MIN(count, RW_COUNT_MAX);
    while (done < count && (done == 0 || !wait_interrupted())) {
        n = move_some(in, in_pos, out, out_pos, count - done, page);
        if (n <= 0)
            break;
        done += (uint64_t)n;
    }
    page_free(page);
    if (done > 0) {
        notify_file(in, IN_ACCESS);
        notify_file(out, IN_MODIFY);
    }
    return done > 0 ? (long)done : n;
}

/* The position argument at `ptr` (0: the file's own) comes in, or goes back after the copy. */
static long
position_in(uva_t ptr, struct file *f, uint64_t *pos)
{
    *pos = f->pos;
    if (ptr != 0 && user_copy_in(pos, ptr, 8) != 0)
        return -EFAULT;
    return (int64_t)*pos < 0 ? -EINVAL : 0;
}

static long
position_out(uva_t ptr, struct file *f, uint64_t pos)
{
    if (ptr == 0) {
        f->pos = pos;
        return 0;
    }
    return user_copy_out(ptr, &pos, 8);
}

LX(sendfile)
{
    struct file *out = lx_file(args->a[0]), *in = lx_file(args->a[1]);
    uint64_t pos;
    long n = out == NULL || in == NULL || !file_may_read(in) || !file_may_write(out) ? -EBADF : 0;

    /* What was read and not written must still be there: only where a position says so. Callers fall back to read and write. */
    if (n == 0 && (in->inode == NULL || !(inode_is(in->inode, S_IFREG) || inode_is(in->inode, S_IFBLK)) || (out->flags & O_APPEND)))
        n = -EINVAL;
    if (n == 0)
        n = position_in(args->a[2], in, &pos);
    if (n == 0) {
        n = move_all(in, &pos, out, &out->pos, args->a[3]);
        if (n > 0 && position_out(args->a[2], in, pos) != 0)
            n = -EFAULT;
    }
    if (out != NULL)
        file_put(out);
    if (in != NULL)
        file_put(in);
    return n;
}

/* May bytes be copied from one to the other? Their number ends with what there is. */
static long
check_copy(const struct file *in, uint64_t in_pos, const struct file *out, uint64_t out_pos, uint64_t *len)
{
    const struct inode *a = in->inode, *b = out->inode;
    uint64_t end;

    if ((a != NULL && inode_is(a, S_IFDIR)) || (b != NULL && inode_is(b, S_IFDIR)))
        return -EISDIR;
    if (a == NULL || b == NULL || !inode_is(a, S_IFREG) || !inode_is(b, S_IFREG))
        return -EINVAL;
    if (!file_may_read(in) || !file_may_write(out) || (out->flags & O_APPEND))
        return -EBADF;
    if (a->mnt != b->mnt)
        return -EXDEV;
    if (__builtin_add_overflow(in_pos, *len, &end) || __builtin_add_overflow(out_pos, *len, &end))
        return -EOVERFLOW;
    *len = in_pos >= inode_size(a) ? 0 : MIN(*len, inode_size(a) - in_pos);
    return a == b && in_pos < out_pos + *len && out_pos < in_pos + *len ? -EINVAL : 0;
}

LX(copy_file_range)
{
    struct file *in = lx_file(args->a[0]), *out = lx_file(args->a[2]);
    uint64_t in_pos, out_pos, len = args->a[4];
    long n = out == NULL || in == NULL ? -EBADF : args->a[5] != 0 ? -EINVAL : 0;

    if (n == 0)
        n = position_in(args->a[1], in, &in_pos);
    if (n == 0)
        n = position_in(args->a[3], out, &out_pos);
    if (n == -EINVAL && args->a[5] == 0)
        n = -EOVERFLOW;                 /* of a negative position: as Linux says it here */
    if (n == 0)
        n = check_copy(in, in_pos, out, out_pos, &len);
    if (n == 0 && len > 0) {
        n = move_all(in, &in_pos, out, &out_pos, len);
        if (n > 0 && (position_out(args->a[1], in, in_pos) != 0 || position_out(args->a[3], out, out_pos) != 0))
            n = -EFAULT;
    }
    if (out != NULL)
        file_put(out);
    if (in != NULL)
        file_put(in);
    return n;
}
