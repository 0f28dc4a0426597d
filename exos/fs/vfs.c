/*
 * vfs.c: opening, making, removing, linking and renaming by path.
 *
 * Locks:    a directory's own while its names change; for rename both directories' (ancestor first, else by address) under the
 *           mount's rename_own; the victim's own while a directory is removed, so that nothing is made in it meanwhile.
 */
#include "base/mem.h"
#include "fs/mounting.h"
#include "fs/notify.h"
#include "fs/seals.h"
#include "ipc/fifo.h"

static int
may_change(struct inode *dir)
{
    int err = inode_may(dir, MAY_WRITE | MAY_EXEC);

    return err != 0 ? err : dir->nlink == 0 ? -ENOENT : 0;
}

/* In a sticky directory only the owner of the file or the directory may take a name away. */
static int
may_remove(const struct inode *dir, const struct inode *victim)
{
    uint32_t uid = fs_current()->uid;

    return (dir->mode & S_ISVTX) && uid != 0 && uid != dir->uid && uid != victim->uid ? -EPERM : 0;
}

/* From now on the walk's last component means i; NULL: nothing. */
static void
enter(const struct walk *w, struct inode *i)
{
    name_enter_hashed(w->dir, w->last, w->last_len, w->last_hash, i);
}

/* The walk's last component in its owned directory, from the cache or the disk, mounts not crossed. */
static int
lookup_owned(const struct walk *w, struct inode **out)
{
    struct inode *i = NULL;
    int known, err;

    lock_acquire(&icache_lock);
    known = name_lookup(w->dir, w->last, w->last_len, w->last_hash, &i);
    if (known == 1)
        inode_get(i);
    lock_release(&icache_lock);
    if (known == -1) {
        err = w->dir->ops->lookup(w->dir, w->last, w->last_len, &i);
        if (err != 0)
            return err;
        enter(w, i);
    }
    if (i == w->dir) {                  /* a damaged directory that holds itself: owning the victim would wait for ever */
        inode_put(i);
        return -EUCLEAN;
    }
    *out = i;
    return known == 0 ? -ENOENT : 0;
}

/* ---- open ---- */

static int
check_type(struct inode *i, uint32_t flags)
{
    if (flags & O_PATH)
        return (flags & O_DIRECTORY) && !inode_is(i, S_IFDIR) ? -ENOTDIR : 0;
    if (inode_is(i, S_IFLNK))
        return (flags & O_DIRECTORY) ? -ENOTDIR : -ELOOP;
    if (inode_is(i, S_IFDIR) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)))
        return -EISDIR;
    return (flags & O_DIRECTORY) && !inode_is(i, S_IFDIR) ? -ENOTDIR : 0;
}

/* What the access mode asks of the file's own mode. */
static inline unsigned
open_wants(uint32_t flags)
{
    uint32_t access = flags & O_ACCMODE;

    return access == O_RDONLY ? MAY_READ : access == O_WRONLY ? MAY_WRITE : MAY_READ | MAY_WRITE;
}

static int
check_open(struct inode *i, uint32_t flags)
{
    unsigned want = open_wants(flags) | ((flags & O_TRUNC) && inode_is(i, S_IFREG) ? MAY_WRITE : 0);
    int err = check_type(i, flags);

    if (err != 0 || (flags & O_PATH))
        return err;
    err = inode_may(i, want);
    return err == 0 && (want & MAY_WRITE) && i->running != 0 ? -ETXTBSY : err;
}

static const struct file_ops path_file_ops = { .name = "path" };

/* What is neither a regular file nor a directory opens as its file system or its type says. */
static int
open_special(struct inode *i, struct file *f)
{
    if (i->ops->open != NULL)
        return i->ops->open(i, f);
    if (inode_is(i, S_IFIFO))
        return fifo_open(i, f);
    if (!inode_is(i, S_IFCHR) && !inode_is(i, S_IFBLK))
        return -ENXIO;
    return i->mnt->flags & MS_NODEV ? -EACCES : devfs_open_rdev(i, f);
}

/* A file on i, whose reference it takes over. NULL: no memory; the reference is gone then, too. */
static inline struct file *
file_on(struct inode *i, uint32_t flags, const struct file_ops *ops)
{
    struct file *f = file_create(ops, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC), NULL);

    if (f == NULL) {
        inode_put(i);
        return NULL;
    }
    f->inode = i;
    f->errors_seen = i->data.errors_told;
    if ((flags & O_ACCMODE) != O_RDONLY)
        __atomic_add_fetch(&i->writers, 1, __ATOMIC_RELAXED);
    return f;
}

static int
open_taken(struct inode *i, uint32_t flags, struct file **out)
{
    const struct file_ops *ops = flags & O_PATH ? &path_file_ops : inode_is(i, S_IFDIR) ? &dir_file_ops :
                                 inode_is(i, S_IFREG) && i->ops->open == NULL ? &regular_file_ops : &path_file_ops;
    struct file *f = file_on(i, flags, ops);
    int err;

    if (f == NULL)
        return -ENOMEM;
    if (ops == &path_file_ops && !(flags & O_PATH)) {
        err = open_special(i, f);
        if (err != 0) {
            f->ops = &path_file_ops;
            f->flags |= O_PATH;         /* it was never open */
            file_put(f);
            return err;
        }
    }
    f->flags &= ~O_NOCTTY;              /* terminals have asked for it */
    if (!(flags & O_PATH))
        notify(i, IN_OPEN);
    *out = f;
    return 0;
}

int
vfs_open_inode(struct inode *i, uint32_t flags, struct file **out)
{
    inode_get(i);
    return open_taken(i, flags, out);
}

/* O_TRUNC. The file goes with an error. */
static int
truncate_open(struct inode *i, struct file *f)
{
    int err = 0;

    if (i->data.size + i->blocks512 != 0)
        err = vfs_truncate(i, 0);
    else
        notify(i, IN_MODIFY);
    if (err != 0)
        file_put(f);
    return err;
}

static NOINLINE int
open_checked(struct inode *i, uint32_t flags, struct file **out)
{
    int err = check_open(i, flags);

    if (err != 0) {
        inode_put(i);
        return err;
    }
    err = open_taken(i, flags, out);
    if (err == 0 && (flags & O_TRUNC) && !(flags & O_PATH) && inode_is(i, S_IFREG))
        err = truncate_open(i, *out);
    return err;
}

int
vfs_open_existing(struct inode *i, uint32_t flags, struct file **out)
{
    if (inode_is(i, S_IFREG) && !(flags & (O_PATH | O_DIRECTORY | O_TRUNC)) && i->ops->open == NULL &&
        i->attention == 0 && inode_may(i, open_wants(flags)) == 0) {
        *out = file_on(i, flags & ~O_NOCTTY, &regular_file_ops);
        return *out != NULL ? 0 : -ENOMEM;
    }
    return open_checked(i, flags, out);
}

/* The last component of an O_CREAT open in its owned directory: what is there, or a new file. */
static int
open_or_create(struct inode *dir, const struct walk *w, uint32_t flags, uint32_t mode, struct inode **out, bool *created)
{
    int err = lookup_owned(w, out);

    *created = false;
    if (err == 0 && (flags & O_EXCL)) {
        inode_put(*out);
        return -EEXIST;
    }
    if (err != -ENOENT)
        return err;
    if (dir->nlink == 0)
        return -ENOENT;
    if (dir->mnt->read_only)
        return -EROFS;
    err = may_change(dir);
    if (err == 0)
        err = dir->ops->create == NULL ? -EACCES : dir->ops->create(dir, w->last, w->last_len,
              S_IFREG | (mode & S_PERM & ~fs_current()->umask), 0, NULL, out);
    if (err == 0)
        enter(w, *out);
    *created = err == 0;
    return err;
}

/* What the last component was found to be: what is mounted on it, and whether a link may be followed. With an error its reference is gone. */
static int
go_on(struct inode **found, uint32_t flags, const struct walk_how *how)
{
    struct inode *i = *found, *top = i->covered_by != NULL ? i->covered_by->root : i;
    int err = how == NULL ? 0 : top != i && (how->resolve & RESOLVE_NO_XDEV) ? -EXDEV :
              inode_is(i, S_IFLNK) && !(flags & O_NOFOLLOW) ? walk_may_follow(how->resolve, i) : 0;

    if (err != 0) {
        inode_put(i);
    } else if (top != i) {
        inode_get(top);
        inode_put(i);
        *found = top;
    }
    return err;
}

/* A symbolic link to go on with, and the directory that it is in; both referenced. */
struct onward {
    struct inode *link, *dir;
};

/* One round: the path's last component, created if need be. -ELOOP with next->link set: it is a symbolic link to go on with. */
static int
create_round(struct inode *start, const char *path, const struct wish *wish, struct file **out, struct onward *next)
{
    struct inode *i = NULL;
    bool created;
    struct walk w;
    int err = walk_path_how(start, path, WALK_PARENT, wish->how, &w);

    if (err != 0)
        return err;
    if (w.special || w.slash) {
        walk_end(&w);
        return w.special && (wish->flags & O_EXCL) ? -EEXIST : -EISDIR;
    }
    own_take(&w.dir->own);
    err = open_or_create(w.dir, &w, wish->flags, wish->mode, &i, &created);
    own_drop(&w.dir->own);
    if (err == 0 && created && notify_wanted(w.dir))
        notify_name(w.dir, IN_CREATE, w.last, w.last_len, i, 0);
    if (err == 0 && !created)
        err = go_on(&i, wish->flags, wish->how);
    if (err == 0 && inode_is(i, S_IFLNK) && !(wish->flags & O_NOFOLLOW)) {
        *next = (struct onward){ i, w.dir };
        w.dir = NULL;
        err = -ELOOP;
    } else if (err == 0) {
        err = created ? open_taken(i, wish->flags, out) : vfs_open_existing(i, wish->flags, out);
    }
    walk_end(&w);
    return err;
}

/* Goes on from a symbolic link to a symbolic link. */
static NOINLINE int
create_onward(const struct wish *wish, struct file **out, struct onward at)
{
    char *buf = heap_alloc(PATH_LEN_MAX);
    int err = -ELOOP;

    for (int depth = 0; err == -ELOOP && at.link != NULL && depth < SYMLINK_DEPTH_MAX; depth++) {
        struct onward next = { NULL, NULL };
        ssize n = buf != NULL ? at.link->ops->readlink(at.link, buf, PATH_LEN_MAX - 1) : -ENOMEM;

        if (n >= 0)
            buf[n] = '\0';
        err = n < 0 ? (int)n : create_round(at.dir, buf, wish, out, &next);
        inode_put(at.link);
        inode_put(at.dir);
        at = next;
    }
    inode_put(at.link);
    inode_put(at.dir);
    heap_free(buf);
    return err;
}

static int
open_create(struct inode *start, const char *path, const struct wish *wish, struct file **out)
{
    struct onward next = { NULL, NULL };
    int err = create_round(start, path, wish, out, &next);

    return err == -ELOOP && next.link != NULL ? create_onward(wish, out, next) : err;
}

/* A name that the owned directory does not have. */
static int
unused_name(struct inode *dir, char *name, size_t size, size_t *len)
{
    static uint64_t next;
    struct inode *there;
    int err;

    for (;;) {
        *len = (size_t)fmt_print(name, size, ".#%lx", (unsigned long)__atomic_add_fetch(&next, 1, __ATOMIC_RELAXED));
        err = dir->ops->lookup(dir, name, *len, &there);
        if (err != 0)
            return err == -ENOENT ? 0 : err;
        inode_put(there);
    }
}

/* Makes a file in dir and takes its name away at once. */
int
vfs_make_nameless(struct inode *dir, uint32_t mode, struct inode **out)
{
    char name[24];
    size_t len = 0;
    int err;

    if (dir->ops->create == NULL || dir->ops->unlink == NULL)
        return -EOPNOTSUPP;
    own_take(&dir->own);
    err = unused_name(dir, name, sizeof(name), &len);
    if (err == 0)
        err = dir->nlink == 0 ? -ENOENT : dir->ops->create(dir, name, len, S_IFREG | mode, 0, NULL, out);
    if (err == 0) {
        err = dir->ops->unlink(dir, name, len, *out);
        if (err != 0)
            inode_put(*out);
    }
    name_forget(dir, name, len);
    own_drop(&dir->own);
    return err;
}

/* O_TMPFILE: the path is the directory's. */
static int
open_nameless(struct inode *start, const char *path, const struct wish *wish, struct file **out)
{
    uint32_t flags = wish->flags;
    struct inode *dir, *i;
    int err;

    if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_CREAT))
        return -EINVAL;
    err = path_find(start, path, true, wish->how, &dir);
    if (err != 0)
        return err;
    err = !inode_is(dir, S_IFDIR) ? -ENOTDIR : dir->ops->create == NULL ? -EOPNOTSUPP : dir->mnt->read_only ? -EROFS : may_change(dir);
    if (err == 0)
        err = vfs_make_nameless(dir, wish->mode & S_PERM & ~fs_current()->umask, &i);
    if (err == 0) {
        i->nameless = !(flags & O_EXCL);
        err = open_taken(i, flags & ~O_DIRECTORY, out);
    }
    inode_put(dir);
    return err;
}

int
vfs_open_wish(struct inode *start, const char *path, const struct wish *wish, struct file **out)
{
    bool follow = !(wish->flags & O_NOFOLLOW);
    uint32_t flags = wish->flags;
    struct inode *i;
    int err;

    if ((flags & O_TMPFILE) == O_TMPFILE && !(flags & O_PATH))
        return open_nameless(start, path, wish, out);
    if ((flags & O_CREAT) && !(flags & O_PATH))
        return (flags & O_DIRECTORY) ? -EINVAL : open_create(start, path, wish, out);
    err = wish->how != NULL ? path_find(start, path, follow, wish->how, &i) : path_lookup(start, path, follow, &i);
    if (err != 0)
        return err;
    return vfs_open_existing(i, flags, out);
}

/* ---- making and removing ---- */

/* Any type but regular files with content: directories, links, devices; S_IFREG too (mknod). */
int
vfs_make(struct inode *start, const char *path, uint32_t mode, uint64_t rdev, const char *target)
{
    bool directory = (mode & S_IFMT) == S_IFDIR;
    struct inode *i = NULL;
    struct walk w;
    int err = walk_path(start, path, WALK_PARENT, &w);

    if (err != 0)
        return err;
    if (w.special) {
        walk_end(&w);
        return -EEXIST;
    }
    own_take(&w.dir->own);
    err = lookup_owned(&w, &i);
    if (err == 0)
        err = -EEXIST;
    else if (err == -ENOENT && (directory || !w.slash))
        err = may_change(w.dir);
    if (err == 0)
        err = w.dir->ops->create == NULL ? -EPERM : w.dir->ops->create(w.dir, w.last, w.last_len, mode, rdev, target, &i);
    if (err == 0)
        enter(&w, i);
    own_drop(&w.dir->own);
    if (err == 0 && notify_wanted(w.dir))
        notify_name(w.dir, IN_CREATE, w.last, w.last_len, i, 0);
    inode_put(i);
    walk_end(&w);
    return err;
}

static int
check_victim(const struct inode *dir, const struct inode *victim, bool directory)
{
    if (directory && !inode_is(victim, S_IFDIR))
        return -ENOTDIR;
    if (!directory && inode_is(victim, S_IFDIR))
        return -EISDIR;
    if (victim->covered_by != NULL)
        return -EBUSY;
    return may_remove(dir, victim);
}

/* A name that leads to no inode (a power cut, damage) can at least be taken away. */
static int
drop_bad_name(struct inode *dir, const struct walk *w)
{
    int err = dir->mnt->read_only ? -EROFS : may_change(dir);

    if (err == 0)
        err = dir->ops->drop_name == NULL ? -EUCLEAN : dir->ops->drop_name(dir, w->last, w->last_len);
    if (err == 0)
        enter(w, NULL);
    return err;
}

/* Takes over the reference: whoever watches the victim hears of its end, if it is that, before its directory's watchers do. */
static NOINLINE void
tell_unlink(const struct walk *w, struct inode *victim, bool directory)
{
    struct inode type = { .mode = victim->mode };

    notify_lost_name(w->dir, w->last, w->last_len, victim);
    if (!directory)
        notify_self(victim, IN_ATTRIB);
    inode_put(victim);
    notify_name(w->dir, IN_DELETE, w->last, w->last_len, &type, 0);
}

int
vfs_unlink(struct inode *start, const char *path, bool directory)
{
    struct inode *victim = NULL;
    struct walk w;
    int err = walk_path(start, path, WALK_PARENT, &w);

    if (err != 0)
        return err;
    if (w.special) {
        err = !directory ? -EISDIR : w.last_len == 0 ? -EBUSY : w.last_len == 1 ? -EINVAL : -ENOTEMPTY;
        walk_end(&w);
        return err;
    }
    own_take(&w.dir->own);
    err = lookup_owned(&w, &victim);
    if (err == -EUCLEAN) {
        err = drop_bad_name(w.dir, &w);
        own_drop(&w.dir->own);
        walk_end(&w);
        return err;
    }
    if (err == 0)
        err = may_change(w.dir);
    if (err == 0 && w.slash && !inode_is(victim, S_IFDIR))
        err = -ENOTDIR;
    if (err == 0)
        err = check_victim(w.dir, victim, directory);
    if (err == 0 && directory)
        own_take(&victim->own);
    if (err == 0) {
        err = w.dir->ops->unlink == NULL ? -EPERM : w.dir->ops->unlink(w.dir, w.last, w.last_len, victim);
        if (err == 0)
            enter(&w, NULL);
        if (directory)
            own_drop(&victim->own);
    }
    own_drop(&w.dir->own);
    if (err == 0 && UNLIKELY((victim->attention | w.dir->attention) & ATTEND_WATCHED))
        tell_unlink(&w, victim, directory);
    else
        inode_put(victim);
    walk_end(&w);
    return err;
}

/* Names `target` also as the walk's last component. */
static int
link_inode(struct inode *target, const struct walk *w)
{
    struct inode *there = NULL, *dir = w->dir;
    int err;

    own_take(&dir->own);
    err = lookup_owned(w, &there);
    if (err == 0)
        err = -EEXIST;
    else if (err == -ENOENT && !w->slash)
        err = target->mnt != dir->mnt ? -EXDEV : may_change(dir);
    if (err == 0 && inode_is(target, S_IFDIR))
        err = -EPERM;
    if (err == 0)
        err = dir->ops->link == NULL ? -EPERM : target->nlink == 0 && !target->nameless ? -ENOENT : dir->ops->link(dir, w->last, w->last_len, target);
    if (err == 0) {
        enter(w, target);
        target->nameless = false;
    }
    own_drop(&dir->own);
    if (err == 0) {
        notify_self(target, IN_ATTRIB);
        notify_name(dir, IN_CREATE, w->last, w->last_len, target, 0);
    }
    inode_put(there);
    return err;
}

int
vfs_link(struct inode *target, struct inode *to, const char *new_path)
{
    struct walk w;
    int err = walk_path(to, new_path, WALK_PARENT, &w);
    if (err == 0) {
        err = w.special ? -EEXIST : link_inode(target, &w);
        walk_end(&w);
    }
    return err;
}

/* ---- rename ---- */

/* Is `above` the directory `i` or one of its ancestors? 1, 0, or -EIO. */
static int
is_above(struct inode *above, struct inode *i)
{
    int result = -1;

    inode_get(i);
    for (int depth = 0; result == -1 && depth < PATH_LEN_MAX; depth++) {
        struct inode *up;

        if (i == above) {
            result = 1;
        } else if (i == i->mnt->root) {
            result = 0;
        } else {
            up = dir_parent(i);
            inode_put(i);
            i = up;
            if (i == NULL)
                return -EIO;
        }
    }
    inode_put(i);
    return result == -1 ? -EIO : result;
}

/* Do the flags, slashes and types allow it? In Linux's order. */
static int
check_names(const struct walk *a, const struct walk *b, const struct inode *what, const struct inode *victim, unsigned flags)
{
    if (victim != NULL && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (victim == NULL && (flags & RENAME_EXCHANGE))
        return -ENOENT;
    if ((flags & RENAME_EXCHANGE) && !inode_is(victim, S_IFDIR) && b->slash)
        return -ENOTDIR;
    if (!inode_is(what, S_IFDIR) && (a->slash || (b->slash && !(flags & RENAME_EXCHANGE))))
        return -ENOTDIR;
    return 0;
}

static int
check_types(const struct inode *what, const struct inode *victim, unsigned flags)
{
    if (what->covered_by != NULL || (victim != NULL && victim->covered_by != NULL))
        return -EBUSY;
    if (victim == NULL || (flags & RENAME_EXCHANGE))
        return 0;
    if (inode_is(what, S_IFDIR) && !inode_is(victim, S_IFDIR))
        return -ENOTDIR;
    return !inode_is(what, S_IFDIR) && inode_is(victim, S_IFDIR) ? -EISDIR : 0;
}

/* trap: the error of moving a directory into itself or over its ancestor, or 0. */
static int
check_rename(const struct walk *a, const struct walk *b, struct inode *what, struct inode *victim, unsigned flags, int trap)
{
    int err = check_names(a, b, what, victim, flags);

    if (err == 0)
        err = trap;
    if (err != 0 || what == victim)
        return err;
    err = may_change(a->dir);
    if (err == 0)
        err = may_change(b->dir);
    if (err == 0)
        err = may_remove(a->dir, what);
    if (err == 0 && victim != NULL)
        err = may_remove(b->dir, victim);
    return err != 0 ? err : check_types(what, victim, flags);
}

/* Both directories are owned. */
static int
rename_owned(const struct walk *a, const struct walk *b, struct inode *what, struct inode *victim, unsigned flags, int trap)
{
    bool exchange = (flags & RENAME_EXCHANGE) != 0, own_victim;
    int err = check_rename(a, b, what, victim, flags, trap);

    if (err != 0 || what == victim)
        return err;
    if (a->dir->ops->rename == NULL)
        return -EPERM;
    if (what == a->dir || what == b->dir || (victim != NULL && (victim == a->dir || victim == b->dir)))
        return -EUCLEAN;                /* ".." does not lead where the names do */
    own_victim = victim != NULL && inode_is(victim, S_IFDIR) && !exchange;
    if (own_victim)
        own_take(&victim->own);
    err = a->dir->ops->rename(a->dir, a->last, a->last_len, what, b->dir, b->last, b->last_len, victim, exchange);
    if (own_victim)
        own_drop(&victim->own);
    if (err == 0) {
        enter(a, exchange ? victim : NULL);
        enter(b, what);
    } else {
        name_forget(a->dir, a->last, a->last_len);
        name_forget(b->dir, b->last, b->last_len);
    }
    return err;
}

static int
lookup_both(const struct walk *a, const struct walk *b, struct inode **what, struct inode **victim)
{
    int err = lookup_owned(a, what);

    if (err != 0)
        return err;
    err = lookup_owned(b, victim);
    if (err == -ENOENT) {
        *victim = NULL;
        err = 0;
    }
    return err;
}

/* Is the name in w a directory that is `dir` or above it? */
static int
name_is_above(const struct walk *w, struct inode *dir)
{
    struct inode *i;
    int above = 0;

    if (dir_lookup(w->dir, w->last, w->last_len, &i) != 0)
        return 0;
    if (inode_is(i, S_IFDIR))
        above = is_above(i, dir);
    inode_put(i);
    return above;
}

static int
find_trap(const struct walk *a, const struct walk *b, unsigned flags, int *trap)
{
    int above = name_is_above(a, b->dir);

    if (above == 1)
        *trap = -EINVAL;
    if (above == 0) {
        above = name_is_above(b, a->dir);
        if (above == 1)
            *trap = (flags & RENAME_EXCHANGE) ? -EINVAL : -ENOTEMPTY;
    }
    return above < 0 ? above : 0;
}

static void
tell_rename(const struct walk *a, const struct walk *b, struct inode *what, struct inode *victim, bool exchange)
{
    notify_moved(a->dir, a->last, a->last_len, b->dir, b->last, b->last_len, what, exchange ? NULL : victim);
    if (exchange)
        notify_moved(b->dir, b->last, b->last_len, a->dir, a->last, a->last_len, victim, NULL);
}

static int
rename_walked(const struct walk *a, const struct walk *b, unsigned flags)
{
    struct inode *what = NULL, *victim = NULL, *first = a->dir, *second = b->dir;
    int err, trap = 0;

    /* Names under rename_own stay put, so the ancestry found here holds until it is dropped. */
    own_take(&a->dir->mnt->rename_own);
    err = find_trap(a, b, flags, &trap);
    if (err == 0 && first != second && (is_above(second, first) == 1 || (is_above(first, second) != 1 && second < first))) {
        first = b->dir;
        second = a->dir;
    }
    if (err == 0) {
        own_take(&first->own);
        if (second != first)
            own_take(&second->own);
        err = lookup_both(a, b, &what, &victim);
        if (err == 0)
            err = rename_owned(a, b, what, victim, flags, trap);
        if (second != first)
            own_drop(&second->own);
        own_drop(&first->own);
    }
    own_drop(&a->dir->mnt->rename_own);
    if (err == 0 && what != victim)
        tell_rename(a, b, what, victim, (flags & RENAME_EXCHANGE) != 0);
    inode_put(what);
    inode_put(victim);
    return err;
}

int
vfs_rename(struct inode *from, const char *path, struct inode *to, const char *new_path, unsigned flags)
{
    struct walk a, b;
    int err;

    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    err = walk_path(from, path, WALK_PARENT, &a);
    if (err != 0)
        return err;
    err = walk_path(to, new_path, WALK_PARENT, &b);
    if (err == 0) {
        if (a.dir->mnt != b.dir->mnt)
            err = -EXDEV;
        else if (a.special || b.special)
            err = !a.special && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
        else
            err = rename_walked(&a, &b, flags);
        walk_end(&b);
    }
    walk_end(&a);
    return err;
}

/* ---- attributes ---- */

static int
may_set(const struct inode *i)
{
    uint32_t uid = fs_current()->uid;

    return i->mnt->read_only ? -EROFS : uid != 0 && uid != i->uid ? -EPERM : 0;
}

int
vfs_chmod(struct inode *i, uint32_t mode)
{
    int err = inode_is(i, S_IFLNK) ? -EOPNOTSUPP : may_set(i);

    if (err == 0 && (i->seals & F_SEAL_EXEC) && ((mode ^ i->mode) & 0111) != 0)
        err = -EPERM;

    if (err == 0) {
        if (fs_current()->uid != 0 && !in_group(fs_current(), i->gid))
            mode &= ~S_ISGID;
        i->mode = (i->mode & S_IFMT) | (mode & S_PERM);
        names_changed(i);
        inode_times(i, false, true);
        notify(i, IN_ATTRIB);
    }
    return err;
}

/* An id of UINT32_MAX stays as it is. */
int
vfs_chown(struct inode *i, uint32_t uid, uint32_t gid)
{
    int err = i->mnt->read_only ? -EROFS : 0;

    if (err == 0 && fs_current()->uid != 0 && (uid != UINT32_MAX && uid != i->uid))
        err = -EPERM;
    if (err == 0 && fs_current()->uid != 0 && gid != UINT32_MAX && (fs_current()->uid != i->uid || (gid != i->gid && !in_group(fs_current(), gid))))
        err = -EPERM;
    if (err != 0)
        return err;
    if (uid != UINT32_MAX)
        i->uid = uid;
    if (gid != UINT32_MAX)
        i->gid = gid;
    names_changed(i);
    if (inode_is(i, S_IFREG))
        i->mode &= ~(S_ISUID | ((i->mode & 010) ? S_ISGID : 0));
    inode_times(i, false, true);
    notify(i, IN_ATTRIB);
    return 0;
}

int
vfs_utimes(struct inode *i, uint64_t atime_ns, uint64_t mtime_ns, bool now)
{
    int err = may_set(i);

    if (err == -EPERM && now)
        err = inode_may(i, MAY_WRITE);
    if (err != 0)
        return err;
    if (atime_ns != TIME_OMIT)
        i->atime_ns = atime_ns;
    if (mtime_ns != TIME_OMIT)
        i->mtime_ns = mtime_ns;
    inode_times(i, false, true);
    notify(i, atime_ns == TIME_OMIT ? IN_MODIFY : mtime_ns == TIME_OMIT ? IN_ACCESS : IN_ATTRIB);
    return 0;
}
