/*
 * ext4_ops.c: the operations that the vfs calls: each inside a change that a commit waits for, tried again when only a commit stood
 * between it and success.
 */
#include "fs/ext4.h"
#include "fs/xattr.h"

#define TRIES_MAX 4

/* The change has ended with err: try it again? -EAGAIN: a rename that must not share a commit with an earlier one. */
static bool
again(struct inode *dir, int err, int *tries)
{
    change_end(ext4_fs_of(dir));
    if (++*tries == TRIES_MAX)
        return false;
    return err == -EAGAIN ? ext4_commit(ext4_fs_of(dir)) == 0 : err == -ENOSPC && ext4_make_room(dir);
}

static int
op_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, const char *target, struct inode **out)
{
    int err, tries = 0;

    do {
        change_begin(ext4_fs_of(dir));
        err = ext4_create(dir, name, len, mode, rdev, target, out);
    } while (again(dir, err, &tries));
    return err;
}

static int
op_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
    int err, tries = 0;

    do {
        change_begin(ext4_fs_of(dir));
        err = ext4_link(dir, name, len, target);
    } while (again(dir, err, &tries));
    return err;
}

static int
op_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
    int err, tries = 0;

    do {
        change_begin(ext4_fs_of(dir));
        err = ext4_unlink(dir, name, len, victim);
    } while (again(dir, err, &tries));
    return err;
}

static int
op_rename(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
          size_t new_len, struct inode *victim, bool exchange)
{
    int err, tries = 0;

    do {
        change_begin(ext4_fs_of(from));
        err = ext4_rename(from, name, len, what, to, new_name, new_len, victim, exchange);
    } while (again(from, err, &tries));
    return err;
}

static int
op_drop_name(struct inode *dir, const char *name, size_t len)
{
    int err;

    change_begin(ext4_fs_of(dir));
    err = ext4_drop_name(dir, name, len);
    change_end(ext4_fs_of(dir));
    return err;
}

static int
op_xattr_write(struct inode *i, struct list *set)
{
    int err, tries = 0;

    do {
        change_begin(ext4_fs_of(i));
        err = ext4_xattr_write(i, set);
    } while (again(i, err, &tries));
    return err;
}

static void
op_hold(struct inode *i)
{
    change_begin(ext4_fs_of(i));
}

static void
op_let_go(struct inode *i)
{
    change_end(ext4_fs_of(i));
}

const struct inode_ops ext4_inode_ops = {
    .lookup = ext4_lookup,
    .create = op_create,
    .link = op_link,
    .unlink = op_unlink,
    .rename = op_rename,
    .readdir = ext4_readdir,
    .readlink = ext4_readlink,
    .allocate = ext4_allocate,
    .free_range = ext4_free_range,
    .hold = op_hold,
    .let_go = op_let_go,
    .make_room = ext4_make_room,
    .drop_name = op_drop_name,
    .write_inode = ext4_write_inode,
    .evict = ext4_evict,
    .last_close = ext4_last_close,
    .xattr_read = ext4_xattr_read,
    .xattr_write = op_xattr_write,
};
