/* fs_inotify.c: Linux calls inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch. */
#include "abi/linux_fs.h"
#include "fs/inotify.h"
#include "fs/notify.h"

#define EVENT_BITS (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED)
#define HOW_BITS   (IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)

static long
init(uint32_t flags)
{
    struct file *f;
    long fd;

    if (flags & ~(O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    fd = inotify_open(flags, &f);
    if (fd != 0)
        return fd;
    fd = fd_install(f, 0, (flags & O_CLOEXEC) != 0);
    if (fd < 0)
        file_put(f);
    return fd;
}

LX(inotify_init)
{
    (void)args;
    return init(0);
}

LX(inotify_init1)
{
    return init((uint32_t)args->a[0]);
}

/* Watches what the path leads to, which the caller must be allowed to read. */
static long
add_path(struct file *f, uva_t path, uint32_t mask)
{
    struct inode *i;
    long wd = at_inode((uint64_t)AT_FDCWD, path, mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &i);

    if (wd != 0)
        return wd;
    wd = (mask & IN_ONLYDIR) && !inode_is(i, S_IFDIR) ? -ENOTDIR : inode_may(i, MAY_READ);
    if (wd == 0)
        wd = inotify_add(f, i, mask);
    inode_put(i);
    return wd;
}

LX(inotify_add_watch)
{
    uint32_t mask = (uint32_t)args->a[2];
    struct file *f;
    long wd;

    if (!(mask & (EVENT_BITS | HOW_BITS)))
        return -EINVAL;
    f = lx_file(args->a[0]);
    if (f == NULL)
        return -EBADF;
    if (!file_is_inotify(f) || ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
        wd = -EINVAL;
    else
        wd = add_path(f, args->a[1], mask);
    file_put(f);
    return wd;
}

LX(inotify_rm_watch)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    err = file_is_inotify(f) ? inotify_remove(f, (int32_t)args->a[1]) : -EINVAL;
    file_put(f);
    return err;
}
