/* fs_attr.c: modes, owners, times, sizes. */
#include "abi/linux_fs.h"

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#define TIME_SEC_MAX ((1l << 34) - (1l << 31) - 1)   /* 2446: the last second that ext4 can write */

/* Applies to the inode of a path, or of a descriptor. */
static long
chmod_at(uint64_t dirfd, uva_t path, uint32_t mode)
{
    struct inode *i;
    long err = at_inode(dirfd, path, 0, &i);

    if (err != 0)
        return err;
    err = vfs_chmod(i, mode);
    inode_put(i);
    return err;
}

LX(chmod)
{
    return chmod_at((uint64_t)AT_FDCWD, args->a[0], (uint32_t)args->a[1]);
}

LX(fchmodat)
{
    return chmod_at(args->a[0], args->a[1], (uint32_t)args->a[2]);
}

LX(fchmod)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    err = (f->flags & O_PATH) ? -EBADF : f->inode == NULL ? 0 : vfs_chmod(f->inode, (uint32_t)args->a[1]);
    file_put(f);
    return err;
}

static long
chown_at(uint64_t dirfd, uva_t path, uint64_t uid, uint64_t gid, unsigned flags)
{
    struct inode *i;
    long err;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    err = at_inode(dirfd, path, flags, &i);
    if (err != 0)
        return err;
    err = vfs_chown(i, (uint32_t)uid, (uint32_t)gid);
    inode_put(i);
    return err;
}

LX(chown)
{
    return chown_at((uint64_t)AT_FDCWD, args->a[0], args->a[1], args->a[2], 0);
}

LX(lchown)
{
    return chown_at((uint64_t)AT_FDCWD, args->a[0], args->a[1], args->a[2], AT_SYMLINK_NOFOLLOW);
}

LX(fchownat)
{
    return chown_at(args->a[0], args->a[1], args->a[2], args->a[3], (unsigned)args->a[4]);
}

LX(fchown)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    err = (f->flags & O_PATH) ? -EBADF : f->inode == NULL ? 0 : vfs_chown(f->inode, (uint32_t)args->a[1], (uint32_t)args->a[2]);
    file_put(f);
    return err;
}

LX(umask)
{
    uint32_t old = fs_current()->umask;

    fs_current()->umask = (uint32_t)args->a[0] & 0777;
    return old;
}

/* ---- times ---- */

static long
one_time(const struct lx_timespec *t, uint64_t now, uint64_t *out)
{
    if (t->tv_nsec == UTIME_NOW)
        *out = now;
    else if (t->tv_nsec == UTIME_OMIT)
        *out = TIME_OMIT;
    else if (t->tv_nsec < 0 || t->tv_nsec > 999999999)
        return -EINVAL;
    else
        *out = t->tv_sec < 0 ? 0 : (uint64_t)MIN(t->tv_sec, TIME_SEC_MAX) * NSEC_PER_SEC + (uint64_t)t->tv_nsec;
    return 0;
}

/* times NULL: now. path 0: the descriptor itself. */
static long
set_times(uint64_t dirfd, uva_t path, unsigned flags, const struct lx_timespec times[2])
{
    uint64_t now = clock_realtime_ns(), a = now, m = now;
    struct inode *i = NULL;
    struct file *f;
    long err = 0;

    if (times != NULL) {
        err = one_time(&times[0], now, &a);
        if (err == 0)
            err = one_time(&times[1], now, &m);
    }
    if (err != 0 || (a == TIME_OMIT && m == TIME_OMIT))
        return err;
    if (path == 0) {
        f = lx_file(dirfd);
        if (f == NULL)
            return -EBADF;
        i = f->inode;
        if (i != NULL)
            inode_get(i);
        file_put(f);
        err = i == NULL ? -EINVAL : 0;
    } else {
        err = at_inode(dirfd, path, flags, &i);
    }
    if (err != 0)
        return err;
    err = vfs_utimes(i, a, m, times == NULL || (a == now && m == now));
    inode_put(i);
    return err;
}

LX(utimensat)
{
    struct lx_timespec times[2];

    if (args->a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (args->a[2] != 0 && user_copy_in(times, args->a[2], sizeof(times)) != 0)
        return -EFAULT;
    if (args->a[1] == 0 && (int)args->a[0] == AT_FDCWD)
        return -EFAULT;
    return set_times(args->a[0], args->a[1], (unsigned)args->a[3], args->a[2] != 0 ? times : NULL);
}

static long
set_timevals(uint64_t dirfd, uva_t path, uva_t times)
{
    struct lx_timeval v[2];
    struct lx_timespec t[2];

    if (times == 0)
        return set_times(dirfd, path, 0, NULL);
    if (user_copy_in(v, times, sizeof(v)) != 0)
        return -EFAULT;
    for (int n = 0; n < 2; n++) {
        if (v[n].tv_usec < 0 || v[n].tv_usec > 999999)
            return -EINVAL;
        t[n] = (struct lx_timespec){ v[n].tv_sec, v[n].tv_usec * 1000 };
    }
    return set_times(dirfd, path, 0, t);
}

LX(utimes)
{
    return set_timevals((uint64_t)AT_FDCWD, args->a[0], args->a[1]);
}

LX(futimesat)
{
    return set_timevals(args->a[0], args->a[1], args->a[2]);
}

LX(utime)
{
    struct lx_timespec t[2] = { { 0, 0 }, { 0, 0 } };
    int64_t v[2];

    if (args->a[1] == 0)
        return set_times((uint64_t)AT_FDCWD, args->a[0], 0, NULL);
    if (user_copy_in(v, args->a[1], sizeof(v)) != 0)
        return -EFAULT;
    t[0].tv_sec = v[0];
    t[1].tv_sec = v[1];
    return set_times((uint64_t)AT_FDCWD, args->a[0], 0, t);
}

/* ---- sizes ---- */

LX(truncate)
{
    struct inode *i;
    long err;

    if ((int64_t)args->a[1] < 0)
        return -EINVAL;
    err = at_inode((uint64_t)AT_FDCWD, args->a[0], 0, &i);
    if (err != 0)
        return err;
    err = inode_is(i, S_IFDIR) ? -EISDIR : inode_may(i, MAY_WRITE);
    if (err == 0)
        err = i->running != 0 ? -ETXTBSY : vfs_truncate(i, args->a[1]);
    inode_put(i);
    return err;
}

static bool
open_for_writing(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

LX(ftruncate)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    if (f->flags & O_PATH)
        err = -EBADF;
    else if ((int64_t)args->a[1] < 0 || f->inode == NULL || !open_for_writing(f))
        err = -EINVAL;
    else
        err = vfs_truncate(f->inode, args->a[1]);
    file_put(f);
    return err;
}

LX(fallocate)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    if ((int64_t)args->a[2] < 0 || (int64_t)args->a[3] <= 0)
        err = -EINVAL;
    else if (!open_for_writing(f))
        err = -EBADF;
    else
        err = f->inode == NULL ? -ESPIPE : vfs_fallocate(f->inode, (unsigned)args->a[1], args->a[2], args->a[3]);
    file_put(f);
    return err;
}
