/* fs_xattr.c: Linux calls for extended attributes: by path, by link, by descriptor. */
#include "abi/linux_fs.h"
#include "base/mem.h"
#include "fs/xattr.h"

/* What a call names, referenced. */
static long
by_path(uva_t path, bool follow, struct inode **out)
{
    return at_inode((uint64_t)AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, out);
}

/* nameless: the answer for a pipe or a socket, which has no attributes. */
static long
by_fd(uint64_t fd, long nameless, struct inode **out)
{
    struct file *f = lx_file(fd);
    long err = f == NULL || (f->flags & O_PATH) ? -EBADF : f->inode == NULL ? nameless : 0;

    if (err == 0 && f->inode != NULL) {
        *out = f->inode;
        inode_get(f->inode);
    }
    if (f != NULL)
        file_put(f);
    return err;
}

static long
name_in(char name[XATTR_NAME_MAX + 1], uva_t at)
{
    ssize n = user_string_in(name, at, XATTR_NAME_MAX + 1);

    return n == -EFAULT ? -EFAULT : n <= 0 ? -ERANGE : 0;
}

/* Each of these takes over the reference; finding it gave err. args->a[0] is what names the file. */
static long
set(struct inode *i, long err, const struct lx_args *args)
{
    char name[XATTR_NAME_MAX + 1];
    uint64_t size = args->a[3];
    void *value = NULL;

    if (err != 0)
        return err;
    err = args->a[4] & ~(uint64_t)(XATTR_CREATE | XATTR_REPLACE) ? -EINVAL : name_in(name, args->a[1]);
    if (err == 0 && size > XATTR_SIZE_MAX)
        err = -E2BIG;
    if (err == 0 && size > 0) {
        value = heap_alloc(size);
        err = value == NULL ? -ENOMEM : user_copy_in(value, args->a[2], size);
    }
    if (err == 0)
        err = vfs_xattr_set(i, name, value, (uint32_t)size, (unsigned)args->a[4]);
    else
        heap_free(value);
    inode_put(i);
    return err;
}

static long
get(struct inode *i, long err, const struct lx_args *args)
{
    char name[XATTR_NAME_MAX + 1];
    struct xattr *x;

    if (err != 0)
        return err;
    err = name_in(name, args->a[1]);
    if (err == 0)
        err = vfs_xattr_get(i, name, &x);
    inode_put(i);
    if (err != 0)
        return err;
    err = (long)x->size;
    if (args->a[3] != 0 && args->a[3] < x->size)
        err = -ERANGE;
    else if (args->a[3] != 0 && x->size > 0 && user_copy_out(args->a[2], x->value, x->size) != 0)
        err = -EFAULT;
    xattr_free(x);
    return err;
}

static long
list(struct inode *i, long err, const struct lx_args *args)
{
    uint64_t size = MIN(args->a[2], (uint64_t)XATTR_SIZE_MAX);
    char *buf;

    if (err != 0 || i == NULL)
        return err;
    buf = heap_alloc(MAX(size, 1ul));
    err = buf == NULL ? -ENOMEM : vfs_xattr_list(i, buf, size);
    if (err > 0 && size != 0)
        err = (uint64_t)err > size ? -ERANGE : user_copy_out(args->a[1], buf, (size_t)err) != 0 ? -EFAULT : err;
    heap_free(buf);
    inode_put(i);
    return err;
}

static long
drop(struct inode *i, long err, const struct lx_args *args)
{
    char name[XATTR_NAME_MAX + 1];

    if (err != 0)
        return err;
    err = name_in(name, args->a[1]);
    if (err == 0)
        err = vfs_xattr_remove(i, name);
    inode_put(i);
    return err;
}

/* The three forms of a call. */
#define FORMS(name, what, nameless) \
    LX(name) { struct inode *i = NULL; long err = by_path(args->a[0], true, &i); return what(i, err, args); } \
    LX(l##name) { struct inode *i = NULL; long err = by_path(args->a[0], false, &i); return what(i, err, args); } \
    LX(f##name) { struct inode *i = NULL; long err = by_fd(args->a[0], nameless, &i); return what(i, err, args); }

FORMS(setxattr, set, -EPERM)
FORMS(getxattr, get, -ENODATA)
FORMS(listxattr, list, 0)
FORMS(removexattr, drop, -EPERM)
