/* fs_name.c: names: mkdir, unlink, link, symlink, rename, mknod. */
#include "abi/linux_fs.h"
#include "fs/procfs.h"
#include "base/mem.h"

static long
make_at(uint64_t dirfd, uva_t path, uint32_t mode, uint64_t rdev, const char *target)
{
    struct at_path at;
    long err = at_begin(&at, dirfd, path, false);

    if (err != 0)
        return err;
    err = vfs_make(at.start, at.path, mode, rdev, target);
    at_end(&at);
    return err;
}

static long
mkdir_at(uint64_t dirfd, uva_t path, uint64_t mode)
{
    return make_at(dirfd, path, S_IFDIR | ((uint32_t)mode & 01777 & ~fs_current()->umask), 0, NULL);
}

LX(mkdir)
{
    return mkdir_at((uint64_t)AT_FDCWD, args->a[0], args->a[1]);
}

LX(mkdirat)
{
    return mkdir_at(args->a[0], args->a[1], args->a[2]);
}

static long
mknod_at(uint64_t dirfd, uva_t path, uint64_t mode, uint64_t rdev)
{
    uint32_t type = (uint32_t)mode & S_IFMT;

    if (type == 0)
        type = S_IFREG;
    if (type == S_IFDIR || type == S_IFLNK)
        return type == S_IFDIR ? -EPERM : -EINVAL;
    if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK)
        return -EINVAL;
    if ((type == S_IFCHR || type == S_IFBLK) && fs_current()->uid != 0)
        return -EPERM;
    return make_at(dirfd, path, type | ((uint32_t)mode & S_PERM & ~fs_current()->umask), rdev, NULL);
}

LX(mknod)
{
    return mknod_at((uint64_t)AT_FDCWD, args->a[0], args->a[1], args->a[2]);
}

LX(mknodat)
{
    return mknod_at(args->a[0], args->a[1], args->a[2], args->a[3]);
}

static long
symlink_at(uva_t target, uint64_t dirfd, uva_t path)
{
    char text[PATH_LEN_MAX];
    ssize n = user_string_in(text, target, sizeof(text));

    if (n <= 0)
        return n == 0 ? -ENOENT : n;
    return make_at(dirfd, path, S_IFLNK | 0777, 0, text);
}

LX(symlink)
{
    return symlink_at(args->a[0], (uint64_t)AT_FDCWD, args->a[1]);
}

LX(symlinkat)
{
    return symlink_at(args->a[0], args->a[1], args->a[2]);
}

static long
unlink_at(uint64_t dirfd, uva_t path, bool directory)
{
    struct at_path at;
    long err = at_begin(&at, dirfd, path, false);

    if (err != 0)
        return err;
    err = vfs_unlink(at.start, at.path, directory);
    at_end(&at);
    return err;
}

LX(unlink)
{
    return unlink_at((uint64_t)AT_FDCWD, args->a[0], false);
}

LX(rmdir)
{
    return unlink_at((uint64_t)AT_FDCWD, args->a[0], true);
}

LX(unlinkat)
{
    if (args->a[2] & ~(uint64_t)AT_REMOVEDIR)
        return -EINVAL;
    return unlink_at(args->a[0], args->a[1], (args->a[2] & AT_REMOVEDIR) != 0);
}

/* What is to be linked: AT_EMPTY_PATH, or a link of /proc/PID/fd that is to be followed, names an open file, with or without a name. */
static long
link_target(uint64_t dirfd, uva_t path, unsigned flags, struct inode **out)
{
    long err = at_inode(dirfd, path, (flags & AT_EMPTY_PATH) | AT_SYMLINK_NOFOLLOW, out);
    struct file *f;

    if (err != 0 || !(flags & AT_SYMLINK_FOLLOW) || !inode_is(*out, S_IFLNK))
        return err;
    f = procfs_linked_file(*out);
    inode_put(*out);
    if (f == NULL)
        return at_inode(dirfd, path, 0, out);
    *out = f->inode;
    if (f->inode != NULL)
        inode_get(f->inode);
    file_put(f);
    return *out != NULL ? 0 : -EXDEV;
}

static long
link_at(uint64_t from, uva_t path, uint64_t to, uva_t new_path, unsigned flags)
{
    struct inode *target;
    struct at_path b;
    long err;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    err = link_target(from, path, flags, &target);
    if (err != 0)
        return err;
    err = at_begin(&b, to, new_path, false);
    if (err == 0) {
        err = vfs_link(target, b.start, b.path);
        at_end(&b);
    }
    inode_put(target);
    return err;
}

LX(link)
{
    return link_at((uint64_t)AT_FDCWD, args->a[0], (uint64_t)AT_FDCWD, args->a[1], 0);
}

LX(linkat)
{
    return link_at(args->a[0], args->a[1], args->a[2], args->a[3], (unsigned)args->a[4]);
}

static long
rename_at(uint64_t from, uva_t path, uint64_t to, uva_t new_path, unsigned flags)
{
    struct at_path a, b;
    long err = at_begin(&a, from, path, false);

    if (err != 0)
        return err;
    err = at_begin(&b, to, new_path, false);
    if (err == 0) {
        err = vfs_rename(a.start, a.path, b.start, b.path, flags);
        at_end(&b);
    }
    at_end(&a);
    return err;
}

LX(rename)
{
    return rename_at((uint64_t)AT_FDCWD, args->a[0], (uint64_t)AT_FDCWD, args->a[1], 0);
}

LX(renameat)
{
    return rename_at(args->a[0], args->a[1], args->a[2], args->a[3], 0);
}

LX(renameat2)
{
    return rename_at(args->a[0], args->a[1], args->a[2], args->a[3], (unsigned)args->a[4]);
}
