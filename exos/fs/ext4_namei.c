/*
 * ext4_namei.c: what happens to directories and link counts when names come, go and move.
 *
 * Locks:    the directories' own, taken by the caller (inode.h).
 */
#include "fs/ext4.h"

#define LINK_MAX 65000

int
ext4_lookup(struct inode *v, const char *name, size_t len, struct inode **out)
{
    struct dir_slot s;
    uint32_t ino;
    int err = dir_find(ext4_inode(v), name, len, &s);

    if (err != 0)
        return err;
    ino = ((struct ext4_dirent *)(s.block + s.offset))->inode;
    cache_unpin(s.page);
    err = ext4_inode_load(v->mnt, ino, out);
    return err == -ENOENT ? -EUCLEAN : err;
}

/* Directories count their subdirectories; past the limit (dir_nlink) the count is 1: "many". */
static void
count_subdir(struct inode *dir, int delta)
{
    if (dir->nlink == 1)
        return;
    dir->nlink += (uint32_t)delta;
    if (dir->nlink >= LINK_MAX)
        dir->nlink = 1;
}

static int
write_link(struct ext4_inode *i, const char *target)
{
    size_t len = strlen(target);
    struct ext4_map m;
    struct page *page;
    void *data;
    int err;

    i->vfs.size_dir = len;
    if (len < sizeof(i->block)) {
        memcpy(i->block, target, len);
        return 0;
    }
    if (len >= i->fs->block_size)
        return -ENAMETOOLONG;
    if (i->fs->extents) {
        i->flags |= INODE_EXTENTS_FL;
        extent_root_init(i);
    }
    own_take(&i->vfs.map_own);
    err = map_create(i, 0, 1, &m);
    own_drop(&i->vfs.map_own);
    if (err == 0)
        err = meta_get_zeroed(i->fs, m.start, &page, &data);
    if (err != 0)
        return err;
    memcpy(data, target, len);
    meta_dirty(i->fs, page, data, META_RAW);
    cache_unpin(page);
    return 0;
}

ssize
ext4_readlink(struct inode *v, char *buf, size_t size)
{
    struct ext4_inode *i = ext4_inode(v);
    size_t len = v->size_dir;
    struct ext4_map m;
    struct page *page;
    void *data;
    int err;

    if (len < sizeof(i->block) && !(i->flags & INODE_EXTENTS_FL)) {
        memcpy(buf, i->block, MIN(len, size));
        return (ssize)MIN(len, size);
    }
    if (len == 0 || len >= i->fs->block_size)
        return ext4_bad(i->fs, "length of symbolic link", v->ino);
    own_take(&v->map_own);
    err = map_find(i, 0, 1, &m);
    own_drop(&v->map_own);
    if (err == 0 && m.start == 0)
        err = ext4_bad(i->fs, "symbolic link without a block", v->ino);
    if (err == 0)
        err = meta_get(i->fs, m.start, &page, &data);
    if (err != 0)
        return err;
    len = strnlen(data, MIN(len, size));
    memcpy(buf, data, len);
    cache_unpin(page);
    return (ssize)len;
}

int
ext4_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, const char *target, struct inode **out)
{
    bool directory = (mode & S_IFMT) == S_IFDIR;
    struct ext4_inode *i;
    int err;

    if (directory && dir->nlink >= LINK_MAX && !(ext4_fs_of(dir)->super->s_feature_ro_compat & RO_DIR_NLINK))
        return -EMLINK;
    err = ext4_inode_new(dir, mode, rdev, &i);
    if (err != 0)
        return err;
    if (directory)
        err = dir_init(i, (uint32_t)dir->ino);
    else if (target != NULL)
        err = write_link(i, target);
    if (err == 0)
        err = dir_add(ext4_inode(dir), name, len, (uint32_t)i->vfs.ino, mode);
    if (err != 0) {
        i->vfs.nlink = 0;
        inode_put(&i->vfs);             /* gives everything back */
        return err;
    }
    if (directory) {
        i->vfs.nlink = 2;
        count_subdir(dir, 1);
    }
    inode_times(dir, true, true);
    *out = &i->vfs;
    return 0;
}

int
ext4_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
    int err;

    if (target->nlink >= LINK_MAX)
        return -EMLINK;
    err = dir_add(ext4_inode(dir), name, len, (uint32_t)target->ino, target->mode);
    if (err != 0)
        return err;
    target->nlink++;
    commit_touch(ext4_inode(target));
    inode_times(target, false, true);
    inode_times(dir, true, true);
    return 0;
}

/* One name of victim has gone from dir. */
static void
lose_name(struct inode *dir, struct inode *victim)
{
    uint32_t before = victim->nlink;

    if (inode_is(victim, S_IFDIR)) {
        victim->nlink = 0;
        count_subdir(dir, -1);
    } else if (victim->nlink > 0) {
        victim->nlink--;
    }
    commit_lose_names(ext4_inode(victim), before - victim->nlink);
    inode_times(victim, false, true);
}

/* Finds a name that is about to change, in a directory without an index. */
static int
find_for_change(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *s)
{
    int err = dir_unindex(dir);

    return err != 0 ? err : dir_find(dir, name, len, s);
}

int
ext4_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
    struct dir_slot s;
    int err;

    if (inode_is(victim, S_IFDIR)) {
        err = dir_is_empty(ext4_inode(victim));
        if (err != 1)
            return err == 0 ? -ENOTEMPTY : err;
    }
    err = find_for_change(ext4_inode(dir), name, len, &s);
    if (err != 0)
        return err;
    dir_remove(ext4_inode(dir), &s);
    lose_name(dir, victim);
    inode_times(dir, true, true);
    return 0;
}

/* Takes out a name that leads nowhere. */
int
ext4_drop_name(struct inode *dir, const char *name, size_t len)
{
    struct dir_slot s;
    int err;

    if (len <= 2 && memcmp(name, "..", len) == 0)
        return -EUCLEAN;
    err = find_for_change(ext4_inode(dir), name, len, &s);
    if (err != 0)
        return err;
    dir_remove(ext4_inode(dir), &s);
    inode_times(dir, true, true);
    log_print("ext4: %s: removed the name %.*s, which led to no inode", dir->mnt->dev->name, (int)len, name);
    return 0;
}

/*
 * A name moves between blocks: the disk must have it in the new one before it goes from the old one, so one block cannot be both in
 * one commit. Marks both; -EAGAIN, and nothing is marked, if one has been the other kind already.
 */
static int
order_move(struct ext4_inode *from, struct dir_slot *old, struct ext4_inode *to, struct dir_slot *new)
{
    struct ext4_fs *fs = from->fs;

    if (old->block == new->block)
        return 0;
    if ((!is_unborn(from) && meta_get_order(fs, old->page, old->block) == ORDER_DIRS_GAIN) ||
        (!is_unborn(to) && meta_get_order(fs, new->page, new->block) == ORDER_DIRS_LOSE))
        return -EAGAIN;
    if (!is_unborn(from)) {
        meta_dirty(fs, old->page, old->block, META_DIR);
        meta_set_order(fs, old->page, old->block, ORDER_DIRS_LOSE);
    }
    if (!is_unborn(to)) {
        meta_dirty(fs, new->page, new->block, META_DIR);
        meta_set_order(fs, new->page, new->block, ORDER_DIRS_GAIN);
    }
    return 0;
}

/* A directory has moved from one parent to another. */
static int
reparent(struct inode *what, struct inode *from, struct inode *to)
{
    int err;

    if (!inode_is(what, S_IFDIR) || from == to)
        return 0;
    err = dir_set(ext4_inode(what), "..", 2, (uint32_t)to->ino, S_IFDIR);
    if (err != 0)
        return err;
    count_subdir(from, -1);
    count_subdir(to, 1);
    return 0;
}

static int
exchange_names(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
               size_t new_len, struct inode *other)
{
    int err = dir_set(ext4_inode(from), name, len, (uint32_t)other->ino, other->mode);

    if (err == 0)
        err = dir_set(ext4_inode(to), new_name, new_len, (uint32_t)what->ino, what->mode);
    if (err == 0)
        err = reparent(what, from, to);
    if (err == 0)
        err = reparent(other, to, from);
    inode_times(what, false, true);
    inode_times(other, false, true);
    return err;
}

static int
move_name(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
          size_t new_len, struct inode *victim)
{
    struct dir_slot s, new;
    int err = victim != NULL ? 0 : dir_add(ext4_inode(to), new_name, new_len, (uint32_t)what->ino, what->mode);

    if (err != 0)
        return err;
    err = dir_find(ext4_inode(to), new_name, new_len, &new);
    if (err != 0)
        return err;
    err = find_for_change(ext4_inode(from), name, len, &s);
    if (err == 0) {
        err = order_move(ext4_inode(from), &s, ext4_inode(to), &new);
        if (err != 0)
            cache_unpin(s.page);
    }
    if (err != 0 && victim == NULL)
        dir_remove(ext4_inode(to), &new);
    else
        cache_unpin(new.page);
    if (err == 0 && victim != NULL)
        err = dir_set(ext4_inode(to), new_name, new_len, (uint32_t)what->ino, what->mode);
    if (err != 0)
        return err;                     /* dir_set finds what dir_find has just found */
    dir_remove(ext4_inode(from), &s);
    commit_touch(ext4_inode(what));
    if (victim != NULL)
        lose_name(to, victim);
    err = reparent(what, from, to);
    inode_times(what, false, true);
    return err;
}

int
ext4_rename(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
            size_t new_len, struct inode *victim, bool exchange)
{
    int err;

    if (inode_is(what, S_IFDIR) && from != to && to->nlink >= LINK_MAX &&
        !(ext4_fs_of(to)->super->s_feature_ro_compat & RO_DIR_NLINK))
        return -EMLINK;
    if (!exchange && victim != NULL && inode_is(victim, S_IFDIR)) {
        err = dir_is_empty(ext4_inode(victim));
        if (err != 1)
            return err == 0 ? -ENOTEMPTY : err;
    }
    err = dir_unindex(ext4_inode(from));
    if (err == 0)
        err = dir_unindex(ext4_inode(to));
    if (err == 0 && exchange)
        err = exchange_names(from, name, len, what, to, new_name, new_len, victim);
    else if (err == 0)
        err = move_name(from, name, len, what, to, new_name, new_len, victim);
    if (err == 0) {
        inode_times(from, true, true);
        inode_times(to, true, true);
    }
    return err;
}
