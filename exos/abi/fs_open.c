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

/* how->root becomes the directory that dirfd says, with IN_ROOT an absolute path's, too. */
static NOINLINE long
open_walked(struct at_path *at, uint64_t dirfd, uint32_t flags, uint32_t mode, struct walk_how *how, struct file **out)
{
    if ((how->resolve & RESOLVE_IN_ROOT) && at->file == NULL && (int)dirfd != AT_FDCWD) {
        at->file = lx_file(dirfd);
        at->start = at->file != NULL ? at->file->inode : NULL;
        if (at->start == NULL || !inode_is(at->start, S_IFDIR))
            return at->file == NULL ? -EBADF : -ENOTDIR;
    }
    how->root = at->start != NULL ? at->start : fs_current()->cwd;
    return vfs_open_wish(at->start, at->path, &(struct wish){ flags, mode, how }, out);
}

static NOINLINE long
open_found(uint64_t dirfd, uva_t path, uint32_t flags, uint32_t mode, struct walk_how *how)
{
    struct at_path at;
    struct file *f = NULL;
    long err = at_begin(&at, dirfd, path, false);

    if (err != 0)
        return err;
    err = how == NULL ? vfs_open(at.start, at.path, flags, mode, &f) : open_walked(&at, dirfd, flags, mode, how, &f);
    if (err != 0 && how == NULL && may_be_linked(at.path)) {
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
    return open_found(dirfd, path, flags, mode, NULL);
}

struct open_how {
    uint64_t flags, mode, resolve;
};
_Static_assert(sizeof(struct open_how) == 24, "Linux include/uapi/linux/openat2.h");

#define OPEN_VALID (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | \
                    O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)
#define OPEN_VALID_PATH (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

/* The argument, of which programs may know less or more than we do: what we do not know must be 0. */
static long
how_in(struct open_how *how, uva_t at, uint64_t size)
{
    uint8_t more[64];

    if (size < sizeof(*how))
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    for (uint64_t off = sizeof(*how), n; off < size; off += n) {
        n = MIN(size - off, (uint64_t)sizeof(more));
        if (user_copy_in(more, at + off, n) != 0)
            return -EFAULT;
        for (uint64_t k = 0; k < n; k++) {
            if (more[k] != 0)
                return -E2BIG;
        }
    }
    return user_copy_in(how, at, sizeof(*how)) != 0 ? -EFAULT : 0;
}

static long
check_how(const struct open_how *how)
{
    bool creates = (how->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;

    if ((how->flags & ~(uint64_t)OPEN_VALID) || how->resolve > 63 || (how->mode & ~(uint64_t)(creates ? S_PERM : 0)))
        return -EINVAL;
    if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
        return -EINVAL;
    if ((how->flags & O_PATH) && (how->flags & ~(uint64_t)OPEN_VALID_PATH))
        return -EINVAL;
    if ((how->flags & (O_TMPFILE & ~O_DIRECTORY)) && !(how->flags & O_DIRECTORY))
        return -EINVAL;
    if ((how->resolve & RESOLVE_CACHED) && (creates || (how->flags & O_TRUNC)))
        return -EAGAIN;
    return 0;
}

LX(openat2)
{
    struct open_how how;
    struct walk_how walk = { 0 };
    long err = how_in(&how, args->a[2], args->a[3]);

    if (err == 0)
        err = check_how(&how);
    if (err != 0)
        return err;
    if (how.resolve == 0)
        return open_at(args->a[0], args->a[1], (uint32_t)how.flags, (uint32_t)how.mode);
    walk.resolve = (unsigned)how.resolve;
    return open_found(args->a[0], args->a[1], (uint32_t)how.flags, (uint32_t)how.mode, &walk);
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
