/* fs_open.c: open, openat, creat, close and the likes. */
#include "abi/linux_fs.h"
#include "fs/fdtable.h"
#include "fs/memfd.h"
#include "fs/seals.h"
#include "fs/procfs.h"

static inline long
install(struct file *f, bool cloexec)
{
    int fd = fd_install(f, 0, cloexec);

    if (fd < 0)
        file_put(f);
    return fd;
}

/* /dev/stdin and /proc/PID/fd/N when what they lead to has no path (a pipe, a socket): the open file itself. */
static struct file *
open_linked(struct inode *start, const char *path)
{
    struct file *f = NULL;
    char target[64];
    struct inode *i;

    for (int depth = 0; depth < 4 && f == NULL; depth++) {
        ssize n = 0;

        if (path_lookup(start, path, false, &i) != 0)
            return NULL;
        f = procfs_linked_file(i);
        if (f == NULL && inode_is(i, S_IFLNK))
            n = i->ops->readlink(i, target, sizeof(target) - 1);
        inode_put(i);
        if (f == NULL && (n <= 0 || target[0] != '/'))
            return NULL;
        target[MAX(n, 0)] = '\0';
        path = target;
    }
    return f;
}

static bool
may_be_linked(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

NOINLINE struct file *
at_linked(uint64_t dirfd, uva_t path)
{
    struct at_path at;
    struct file *f;

    if (at_begin(&at, dirfd, path, false) != 0)
        return NULL;
    f = may_be_linked(at.path) ? open_linked(at.start, at.path) : NULL;
    at_end(&at);
    return f;
}

static NOINLINE long
open_found(uint64_t dirfd, uva_t path, uint32_t flags, uint32_t mode)
{
    struct at_path at;
    struct file *f = NULL;
    long err = at_begin(&at, dirfd, path, false);

    if (err != 0)
        return err;
    err = vfs_open(at.start, at.path, flags, mode, &f);
    if (err != 0 && may_be_linked(at.path)) {
        f = open_linked(at.start, at.path);
        err = f != NULL ? 0 : err;
    }
    at_end(&at);
    return err != 0 ? err : install(f, (flags & O_CLOEXEC) != 0);
}

/* What is known and opens without trouble. Else the long way, which finds out what is wrong. */
static inline long
open_at(uint64_t dirfd, uva_t path, uint32_t flags, uint32_t mode)
{
    struct inode *i = (int)dirfd == AT_FDCWD && !(flags & (O_CREAT | O_PATH | (O_TMPFILE & ~O_DIRECTORY))) ? path_recall_user(path) : NULL;
    struct file *f;
    int err;

    if (i != NULL) {
        err = vfs_open_existing(i, flags, &f);
        if (err == 0)
            return install(f, (flags & O_CLOEXEC) != 0);
    }
    return open_found(dirfd, path, flags, mode);
}

LX(open)
{
    return open_at((uint64_t)AT_FDCWD, args->a[0], (uint32_t)args->a[1], (uint32_t)args->a[2]);
}

LX(openat)
{
    return open_at(args->a[0], args->a[1], (uint32_t)args->a[2], (uint32_t)args->a[3]);
}

LX(creat)
{
    return open_at((uint64_t)AT_FDCWD, args->a[0], O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)args->a[1]);
}

#define MFD_CLOEXEC_       1u
#define MFD_ALLOW_SEALING_ 2u
#define MFD_NOEXEC_SEAL_   8u
#define MFD_EXEC_          16u
#define MFD_NAME_MAX       249

LX(memfd_create)
{
    uint32_t flags = (uint32_t)args->a[1];
    bool noexec = (flags & MFD_NOEXEC_SEAL_) != 0;
    char name[MFD_NAME_MAX + 1];
    struct file *f;
    long err;

    if ((flags & ~(MFD_CLOEXEC_ | MFD_ALLOW_SEALING_ | MFD_NOEXEC_SEAL_ | MFD_EXEC_)) || (noexec && (flags & MFD_EXEC_)))
        return -EINVAL;
    err = user_string_in(name, args->a[0], sizeof(name));
    if (err < 0)
        return err == -ENAMETOOLONG ? -EINVAL : err;
    err = memfd_open(noexec ? 0666 : 0777, noexec ? F_SEAL_EXEC : flags & MFD_ALLOW_SEALING_ ? 0 : F_SEAL_SEAL, &f);
    return err != 0 ? err : install(f, (flags & MFD_CLOEXEC_) != 0);
}

LX(close)
{
    return fd_close((int)args->a[0]);
}

LX(close_range)
{
    uint64_t first = (uint32_t)args->a[0], last = (uint32_t)args->a[1];

    if (first > last || (args->a[2] & ~4ul) != 0)
        return -EINVAL;
    for (uint64_t fd = first; fd <= last && fd < FD_MAX; fd++) {
        if (args->a[2] & 4)             /* CLOSE_RANGE_CLOEXEC */
            fd_cloexec((int)fd, 1);
        else if (fd_close((int)fd) != 0)
            continue;
    }
    return 0;
}
