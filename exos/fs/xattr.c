/*
 * xattr.c: extended attributes: who may have which of them, and lists of them.
 *
 * Locks:    the inode's own, while its attributes are read or changed.
 * Not here: access control lists (system.posix_acl_*), which nothing here would heed.
 */
#include "fs/xattr.h"

#include "base/mem.h"
#include "fs/notify.h"

/* ---- lists ---- */

int
xattr_add(struct list *set, const char *name, size_t name_len, void *value, uint32_t size)
{
    struct xattr *x = heap_alloc(sizeof(*x) + name_len + 1);

    if (x == NULL) {
        heap_free(value);
        return -ENOMEM;
    }
    memcpy(x->name, name, name_len);
    x->name_len = name_len;
    x->value = value;
    x->size = size;
    list_push_tail(set, &x->link);
    return 0;
}

struct xattr *
xattr_find(const struct list *set, const char *name)
{
    list_for(l, set) {
        struct xattr *x = container_of(l, struct xattr, link);

        if (strcmp(x->name, name) == 0)
            return x;
    }
    return NULL;
}

void
xattr_free(struct xattr *x)
{
    list_remove(&x->link);
    heap_free(x->value);
    heap_free(x);
}

void
xattrs_free(struct list *set)
{
    while (!list_empty(set))
        xattr_free(container_of(set->next, struct xattr, link));
}

/* ---- rights ---- */

enum name_space { USER, TRUSTED, SECURITY, NAME_SPACES };

/* Which kind of name it is, or -errno. */
static int
space_of(const char *name)
{
    static const char *const prefixes[NAME_SPACES] = { [USER] = "user.", [TRUSTED] = "trusted.", [SECURITY] = "security." };

    for (int n = 0; n < NAME_SPACES; n++) {
        size_t len = strlen(prefixes[n]);

        if (strncmp(name, prefixes[n], len) == 0)
            return name[len] != '\0' ? n : -EINVAL;
    }
    return -EOPNOTSUPP;
}

static int
may_use_user(const struct inode *i, bool write)
{
    uint32_t uid = fs_current()->uid;

    if (!inode_is(i, S_IFREG) && !inode_is(i, S_IFDIR))
        return write ? -EPERM : -ENODATA;
    if (write && inode_is(i, S_IFDIR) && (i->mode & S_ISVTX) && uid != 0 && uid != i->uid)
        return -EPERM;
    return inode_may(i, write ? MAY_WRITE : MAY_READ);
}

static int
may_use(const struct inode *i, const char *name, bool write)
{
    bool root = fs_current()->uid == 0;
    int space = space_of(name);

    if (write && i->mnt->read_only)
        return -EROFS;
    if (space == USER)
        return may_use_user(i, write);
    if (space == TRUSTED && !root)
        return write ? -EPERM : -ENODATA;
    if (space == SECURITY && write && !root)
        return -EPERM;
    return space < 0 ? space : i->ops->xattr_read == NULL ? -EOPNOTSUPP : 0;
}

/* ---- the calls ---- */

/* All of an inode's attributes; -EOPNOTSUPP: it can have none. The inode is owned. */
static int
read_all(struct inode *i, struct list *set)
{
    int err;

    list_init(set);
    if (i->ops->xattr_read == NULL)
        return -EOPNOTSUPP;
    err = i->ops->xattr_read(i, set);
    if (err != 0)
        xattrs_free(set);
    return err;
}

int
vfs_xattr_get(struct inode *i, const char *name, struct xattr **out)
{
    int err = may_use(i, name, false);
    struct list set;

    if (err != 0)
        return err;
    own_take(&i->own);
    err = read_all(i, &set);
    own_drop(&i->own);
    if (err != 0)
        return err;
    *out = xattr_find(&set, name);
    if (*out != NULL)
        list_remove(&(*out)->link);
    xattrs_free(&set);
    return *out != NULL ? 0 : -ENODATA;
}

/* A file's capabilities have a form: revision 2, or 3 with an owner. */
static bool
value_fits(const char *name, const void *value, uint32_t size)
{
    uint32_t magic = 0;

    if (strcmp(name, "security.capability") != 0)
        return true;
    if (size >= sizeof(magic))
        memcpy(&magic, value, sizeof(magic));
    magic &= 0xff000000u;
    return (size == 20 && magic == 0x02000000u) || (size == 24 && magic == 0x03000000u);
}

static void
set_value(struct xattr *x, void *value, uint32_t size)
{
    heap_free(x->value);
    x->value = value;
    x->size = size;
    x->place = XATTR_NEW;
}

/* Takes over the value. The inode is owned. */
static int
change(struct inode *i, const char *name, void *value, uint32_t size, unsigned flags)
{
    struct list set;
    int err = read_all(i, &set);
    struct xattr *x = err == 0 ? xattr_find(&set, name) : NULL;

    if (err == 0)
        err = x != NULL && (flags & XATTR_CREATE) ? -EEXIST : x == NULL && (flags & XATTR_REPLACE) ? -ENODATA : 0;
    if (err != 0)
        heap_free(value);
    else if (x != NULL)
        set_value(x, value, size);
    else
        err = xattr_add(&set, name, strlen(name), value, size);
    if (err == 0)
        err = i->ops->xattr_write(i, &set);
    xattrs_free(&set);
    return err;
}

static int
changed(struct inode *i, int err)
{
    if (err == 0) {
        inode_times(i, false, true);
        notify(i, IN_ATTRIB);
    }
    return err;
}

int
vfs_xattr_set(struct inode *i, const char *name, void *value, uint32_t size, unsigned flags)
{
    int err = may_use(i, name, true);

    if (err == 0 && !value_fits(name, value, size))
        err = -EINVAL;
    if (err != 0) {
        heap_free(value);
        return err;
    }
    own_take(&i->own);
    err = change(i, name, value, size, flags);
    own_drop(&i->own);
    return changed(i, err);
}

int
vfs_xattr_remove(struct inode *i, const char *name)
{
    int err = may_use(i, name, true);
    struct list set;
    struct xattr *x;

    if (err != 0)
        return err;
    own_take(&i->own);
    err = read_all(i, &set);
    if (err == 0) {
        x = xattr_find(&set, name);
        err = x == NULL ? -ENODATA : 0;
        if (x != NULL) {
            xattr_free(x);
            err = i->ops->xattr_write(i, &set);
        }
        xattrs_free(&set);
    }
    own_drop(&i->own);
    return changed(i, err);
}

ssize
vfs_xattr_list(struct inode *i, char *buf, size_t room)
{
    bool root = fs_current()->uid == 0;
    struct list set;
    size_t total = 0;
    int err;

    own_take(&i->own);
    err = read_all(i, &set);
    own_drop(&i->own);
    if (err != 0)
        return err == -EOPNOTSUPP ? 0 : err;
    list_for(l, &set) {
        const struct xattr *x = container_of(l, struct xattr, link);
        int space = space_of(x->name);

        if (space < 0 || (space == TRUSTED && !root))
            continue;
        if (total + x->name_len + 1 <= room)
            memcpy(buf + total, x->name, x->name_len + 1);
        total += x->name_len + 1;
    }
    xattrs_free(&set);
    return (ssize)total;
}
