/* fs_fd.c: descriptors: dup, fcntl, ioctl, flock. */
#include "abi/linux_fs.h"
#include "fs/fdtable.h"
#include "fs/locks.h"
#include "fs/seals.h"
#include "fs/sigio.h"
#include "proc/proc.h"

LX(dup)
{
    struct file *f = lx_file(args->a[0]);
    int fd;

    if (f == NULL)
        return -EBADF;
    fd = fd_install(f, 0, false);
    if (fd < 0)
        file_put(f);
    return fd;
}

static long
dup_to(uint64_t from, uint64_t to, bool cloexec)
{
    struct file *f = lx_file(from);
    int fd;

    if (f == NULL)
        return -EBADF;
    fd = fd_replace((int)to, f, cloexec);
    if (fd < 0)
        file_put(f);
    return fd;
}

LX(dup2)
{
    if ((int)args->a[0] == (int)args->a[1])
        return fd_cloexec((int)args->a[0], -1) < 0 ? -EBADF : (int)args->a[0];
    return dup_to(args->a[0], args->a[1], false);
}

LX(dup3)
{
    if ((int)args->a[0] == (int)args->a[1] || (args->a[2] & ~(uint64_t)O_CLOEXEC))
        return -EINVAL;
    return dup_to(args->a[0], args->a[1], (args->a[2] & O_CLOEXEC) != 0);
}

/* ---- record locks ---- */

/* From what struct flock says to a range. */
static long
lock_range(const struct file *f, const struct lx_flock *l, struct lock_request *r)
{
    int64_t base = l->l_whence == 1 ? (int64_t)f->pos : l->l_whence == 2 ? (int64_t)inode_size(f->inode) : 0, start, end;

    if (l->l_whence < 0 || l->l_whence > 2 || l->l_type < 0 || l->l_type > 2)
        return -EINVAL;
    if (__builtin_add_overflow(base, l->l_start, &start))
        return -EOVERFLOW;
    end = INT64_MAX;
    if (l->l_len > 0 && __builtin_add_overflow(start, l->l_len - 1, &end))
        return -EOVERFLOW;
    if (l->l_len < 0) {
        end = start - 1;
        start += l->l_len;
    }
    if (start < 0)
        return -EINVAL;
    r->type = l->l_type;
    r->start = (uint64_t)start;
    r->end = (uint64_t)end;
    return 0;
}

static long
record_lock(struct file *f, uva_t arg, bool test, bool wait, bool of_file)
{
    const struct proc *p = proc_current();
    struct lock_request r = { .owner = of_file ? (uintptr_t)f : lock_owner_current(), .of_process = !of_file };
    struct lx_flock l;
    long err;

    if (f->inode == NULL || (f->flags & O_PATH))
        return -EBADF;
    if (user_copy_in(&l, arg, sizeof(l)) != 0)
        return -EFAULT;
    if (of_file && l.l_pid != 0)
        return -EINVAL;
    r.pid = of_file ? UINT32_MAX : p != NULL ? p->pid : 0;      /* nobody's in particular: -1 */
    err = lock_range(f, &l, &r);
    if (err != 0)
        return err;
    if (!test) {
        if ((r.type == LOCK_TYPE_READ && (f->flags & O_ACCMODE) == O_WRONLY) ||
            (r.type == LOCK_TYPE_WRITE && (f->flags & O_ACCMODE) == O_RDONLY))
            return -EBADF;
        return lock_set(f->inode, &r, wait);
    }
    if (r.type == LOCK_TYPE_NONE)
        return -EINVAL;
    lock_test(f->inode, &r);
    l.l_type = (int16_t)r.type;
    if (r.type != LOCK_TYPE_NONE) {
        l.l_whence = 0;
        l.l_start = (int64_t)r.start;
        l.l_len = r.end >= INT64_MAX ? 0 : (int64_t)(r.end - r.start + 1);
        l.l_pid = (int32_t)r.pid;
    }
    return user_copy_out(arg, &l, sizeof(l));
}

LX(flock)
{
    struct file *f = lx_file(args->a[0]);
    unsigned op = (unsigned)args->a[1];
    struct lock_request r = { .end = UINT64_MAX, .owner = (uintptr_t)f, .whole_file = true };
    long err = 0;

    if (f == NULL)
        return -EBADF;
    if ((op & ~4u) == 1)
        r.type = LOCK_TYPE_READ;
    else if ((op & ~4u) == 2)
        r.type = LOCK_TYPE_WRITE;
    else if ((op & ~4u) == 8)
        r.type = LOCK_TYPE_NONE;
    else
        err = -EINVAL;
    if (err == 0)
        err = f->inode == NULL || (f->flags & O_PATH) ? -EBADF : lock_set(f->inode, &r, (op & 4) == 0);
    file_put(f);
    return err;
}

/* ---- fcntl ---- */

#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_GETLK         5
#define F_SETLK         6
#define F_SETLKW        7
#define F_SETOWN        8
#define F_GETOWN        9
#define F_SETSIG        10
#define F_GETSIG        11
#define F_SETOWN_EX     15
#define F_GETOWN_EX     16
#define F_GETLEASE      1025
#define F_OFD_GETLK     36
#define F_OFD_SETLK     37
#define F_OFD_SETLKW    38
#define F_NOTIFY        1026
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ    1031
#define F_GETPIPE_SZ    1032
#define F_ADD_SEALS     1033
#define F_GET_SEALS     1034
#define NO_LEASE        2               /* F_UNLCK */
#define SETTABLE        (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static long
dup_from(struct file *f, uint64_t min, bool cloexec)
{
    int fd;

    if (min >= fs_current()->fds->limit)
        return -EINVAL;
    file_get(f);
    fd = fd_install(f, (int)min, cloexec);
    if (fd < 0)
        file_put(f);
    return fd;
}

/* Whom signals of the file go to. */
static long
owner(struct file *f, uint64_t cmd, uint64_t arg)
{
    struct sigio_owner who;

    switch (cmd) {
    case F_SETOWN:
        return sigio_set_owner_id(f, (int32_t)arg);
    case F_GETOWN:
        return sigio_owner_id(f);
    case F_SETOWN_EX:
        return user_copy_in(&who, arg, sizeof(who)) != 0 ? -EFAULT : sigio_set_owner(f, who);
    default:
        who = sigio_owner_of(f);
        return user_copy_out(arg, &who, sizeof(who));
    }
}

static long
do_fcntl(struct file *f, int fd, uint64_t cmd, uint64_t arg)
{
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return dup_from(f, arg, cmd == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return fd_cloexec(fd, -1);
    case F_SETFD:
        fd_cloexec(fd, arg & 1);
        return 0;
    case F_GETFL:
        return f->flags;
    case F_SETFL:
        f->flags = (f->flags & ~SETTABLE) | ((uint32_t)arg & SETTABLE);
        return sigio_async(f, fd, (arg & O_ASYNC) != 0);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
        return record_lock(f, arg, cmd == F_GETLK, cmd == F_SETLKW, false);
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return record_lock(f, arg, cmd == F_OFD_GETLK, cmd == F_OFD_SETLKW, true);
    case F_SETOWN:
    case F_GETOWN:
    case F_SETOWN_EX:
    case F_GETOWN_EX:
        return owner(f, cmd, arg);
    case F_SETSIG:
        return sigio_set_signal(f, arg);
    case F_GETSIG:
        return sigio_signal_of(f);
    case F_NOTIFY:
        return sigio_notify(f, fd, (uint32_t)arg);
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
        return f->ops->pipe_size != NULL ? f->ops->pipe_size(f, cmd == F_SETPIPE_SZ, (uint32_t)arg) : -EBADF;
    case F_GETLEASE:
        return NO_LEASE;
    case F_ADD_SEALS:
        return seals_add(f, (uint32_t)arg);
    case F_GET_SEALS:
        return seals_get(f);
    default:
        return -EINVAL;
    }
}

/* Of a file that is only a place. */
static bool
allowed_on_path(uint64_t cmd)
{
    return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD || cmd == F_SETFD || cmd == F_GETFL;
}

LX(fcntl)
{
    struct file *f = lx_file(args->a[0]);
    long r;

    if (f == NULL)
        return -EBADF;
    r = (f->flags & O_PATH) && !allowed_on_path((uint32_t)args->a[1]) ? -EBADF : do_fcntl(f, (int)args->a[0], (uint32_t)args->a[1], args->a[2]);
    file_put(f);
    return r;
}

/* ---- ioctl ---- */

#define FIONREAD 0x541bu
#define FIONBIO  0x5421u
#define FIONCLEX 0x5450u
#define FIOCLEX  0x5451u
#define FIOASYNC 0x5452u
#define FICLONE  0x40049409u

/* No file system here lets files share blocks. Says what is wrong with the two in Linux's order. */
static long
clone_file(const struct file *to, uint64_t from)
{
    struct file *f = lx_file((uint32_t)from);
    long err = -EOPNOTSUPP;

    if (f == NULL)
        return -EBADF;
    if (f->inode == NULL || to->inode == NULL || f->inode->mnt != to->inode->mnt)
        err = -EXDEV;
    file_put(f);
    return err;
}

static long
do_ioctl(struct file *f, int fd, unsigned cmd, uint64_t arg)
{
    int32_t value = 0;

    switch (cmd) {
    case FIOCLEX:
    case FIONCLEX:
        fd_cloexec(fd, cmd == FIOCLEX);
        return 0;
    case FIONBIO:
        if (user_copy_in(&value, arg, sizeof(value)) != 0)
            return -EFAULT;
        f->flags = value != 0 ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
        if (f->ops->ioctl != NULL && f->inode == NULL && f->ops->ioctl(f, cmd, arg) == -EFAULT)
            return -EFAULT;
        return 0;
    case FIOASYNC:
        if (user_copy_in(&value, arg, sizeof(value)) != 0)
            return -EFAULT;
        if ((value != 0) == ((f->flags & O_ASYNC) != 0))
            return 0;
        return sigio_possible(f) ? sigio_async(f, fd, value != 0) : -ENOTTY;
    case FICLONE:
        return clone_file(f, arg);
    case FIONREAD:
        if (f->inode != NULL && inode_is(f->inode, S_IFREG)) {
            uint64_t left = inode_size(f->inode) - MIN(inode_size(f->inode), f->pos);

            value = (int32_t)MIN(left, (uint64_t)INT32_MAX);
            return user_copy_out(arg, &value, sizeof(value));
        }
    }
    return f->ops->ioctl != NULL ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

LX(ioctl)
{
    struct file *f = lx_file(args->a[0]);
    long r;

    if (f == NULL)
        return -EBADF;
    r = (f->flags & O_PATH) ? -EBADF : do_ioctl(f, (int)args->a[0], (unsigned)args->a[1], args->a[2]);
    file_put(f);
    return r;
}
