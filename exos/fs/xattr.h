/*
 * xattr.h: extended attributes: names with values that a file carries beside its contents (xattr(7)).
 *
 * Holds:    an inode's attributes as a list in memory, which its file system fills and stores as a whole.
 */
#ifndef EXOS_FS_XATTR_H
#define EXOS_FS_XATTR_H

#include "fs/inode.h"

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536u           /* of a value, and of a list of names */
#define XATTR_CREATE  1u
#define XATTR_REPLACE 2u

enum xattr_place { XATTR_NEW, XATTR_IN_INODE, XATTR_IN_BLOCK };     /* where a file system has it; NEW: nowhere yet */

struct xattr {
    struct list link;
    enum xattr_place place;
    uint32_t size;
    void *value;                        /* NULL if size is 0 */
    size_t name_len;
    char name[];                        /* whole, with prefix and NUL */
};

/* One more at the end of the list. Takes over the value (from heap_alloc), also with an error. -ENOMEM. */
int xattr_add(struct list *set, const char *name, size_t name_len, void *value, uint32_t size) MUST_USE;
struct xattr *xattr_find(const struct list *set, const char *name);
void xattr_free(struct xattr *x);
void xattrs_free(struct list *set);

/* ---- for the calls: checked, by the caller's rights; told to watchers ---- */
/* The attribute is the caller's to free. -ENODATA, -EOPNOTSUPP, -EACCES. */
int vfs_xattr_get(struct inode *i, const char *name, struct xattr **out) MUST_USE;
/* Takes over the value. flags: XATTR_CREATE or XATTR_REPLACE. */
int vfs_xattr_set(struct inode *i, const char *name, void *value, uint32_t size, unsigned flags) MUST_USE;
int vfs_xattr_remove(struct inode *i, const char *name) MUST_USE;
/* The names that the caller may see, each with its NUL, as far as `room` goes; how long they all are. */
ssize vfs_xattr_list(struct inode *i, char *buf, size_t room) MUST_USE;

#endif
