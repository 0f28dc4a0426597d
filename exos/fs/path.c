/*
 * path.c: from a path to an inode.
 *
 * Holds:    cached components are walked under icache_lock with borrowed inodes; where the cache does not know, a reference is taken,
 *           the lock dropped, and the directory read.
 * Locks:    icache_lock; a directory's own while it is read.
 */
#include "base/mem.h"
#include "fs/memo.h"
#include "fs/procfs.h"
#include "proc/proc.h"

struct walker {
    const struct fs_context *fs;
    struct inode *top;                  /* what ".." and absolute links do not leave */
    struct inode *cur;                  /* borrowed under icache_lock, or the same as held */
    struct inode *held;                 /* reference that keeps cur alive when the lock is not held */
    struct inode *spare;                /* reference of the inode last read from a directory, until the lock is next let go */
    const char *p;                      /* rest of the path */
    char *buf;                          /* where p points after a symbolic link */
    unsigned flags, links, resolve;
    bool rooted;                        /* it has been at the top or gone up: as with Linux, other links to the top count as elsewhere */
    bool odd;                           /* not the same for everybody, or not from the cache: no memo of it */
};

static struct fs_context housekeeper_fs;

struct fs_context *
fs_housekeeper(void)
{
    housekeeper_fs.cwd = housekeeper_fs.root = fs_root;
    return &housekeeper_fs;
}

static struct inode *
cross_mounts(struct inode *i)
{
    while (i->covered_by != NULL)
        i = i->covered_by->root;
    return i;
}

/* dir is referenced and not owned by the caller. */
int
dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
    uint32_t hash = name_hash(name, len);
    struct inode *i = NULL;
    int known, err = 0;

    own_take(&dir->own);
    lock_acquire(&icache_lock);
    known = name_lookup(dir, name, len, hash, &i);
    if (known == 1) {
        i = cross_mounts(i);
        inode_get(i);
    }
    lock_release(&icache_lock);
    if (known == -1) {
        err = len > NAME_LEN_MAX ? -ENAMETOOLONG : dir->ops->lookup(dir, name, len, &i);
        if (err == 0)
            name_enter(dir, name, len, i);
        else if (err == -ENOENT)
            name_enter(dir, name, len, NULL);
    } else if (known == 0) {
        err = -ENOENT;
    }
    own_drop(&dir->own);
    if (err == 0 && i->covered_by != NULL) {
        struct inode *root = cross_mounts(i);
        inode_get(root);
        inode_put(i);
        i = root;
    }
    if (err == 0)
        *out = i;
    return err;
}

struct inode *
dir_parent(struct inode *dir)
{
    struct inode *parent = NULL;

    while (dir == dir->mnt->root && dir->mnt->covered != NULL)
        dir = dir->mnt->covered;
    if (dir == dir->mnt->root) {
        inode_get(dir);
        return dir;
    }
    own_take(&dir->own);
    if (dir->ops->lookup(dir, "..", 2, &parent) != 0)
        parent = NULL;
    own_drop(&dir->own);
    return parent;
}

/* Before anything that sleeps: a reference on cur, and the lock dropped. */
static void
let_go(struct walker *w)
{
    struct inode *old = NULL, *spare = w->spare;

    w->spare = NULL;
    if (w->cur != w->held) {
        old = w->held;
        inode_get(w->cur);
        w->held = w->cur;
    }
    lock_release(&icache_lock);
    inode_put(old);
    inode_put(spare);
}

static int
go_up(struct walker *w)
{
    struct inode *parent;

    w->odd = w->rooted = true;
    if (w->cur == w->top)
        return w->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
    if (w->cur == w->fs->root || w->cur == fs_root)
        return 0;
    if ((w->resolve & RESOLVE_NO_XDEV) && w->cur == w->cur->mnt->root)
        return -EXDEV;
    let_go(w);
    parent = dir_parent(w->held);
    if (parent == NULL) {
        lock_acquire(&icache_lock);
        return -EIO;
    }
    lock_acquire(&icache_lock);
    w->cur = w->spare = parent;
    return 0;
}

/* May the walk go where an absolute path, or link, begins? */
static int
jump_to_top(struct walker *w, bool link)
{
    if (w->resolve & RESOLVE_BENEATH)
        return -EXDEV;
    if (link && (w->resolve & RESOLVE_NO_XDEV) && (!w->rooted || w->cur->mnt != w->top->mnt))
        return -EXDEV;
    w->rooted = true;
    w->cur = w->top;
    return 0;
}

int
walk_may_follow(unsigned resolve, const struct inode *link)
{
    if (resolve & RESOLVE_NO_SYMLINKS)
        return -ELOOP;
    if (!(resolve & (RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT)) || !procfs_is_magic(link))
        return 0;
    return resolve & RESOLVE_NO_MAGICLINKS ? -ELOOP : -EXDEV;
}

/* cur is the directory, `link` (borrowed) a symbolic link in it, rest what follows. The walk goes on with the link's text. */
static int
follow_link(struct walker *w, struct inode *link, const char *rest)
{
    size_t rest_len = strlen(rest);
    char *buf = NULL;
    ssize n = walk_may_follow(w->resolve, link);

    if (n != 0)
        return (int)n;
    n = -ELOOP;
    inode_get(link);
    let_go(w);
    if (++w->links <= SYMLINK_DEPTH_MAX) {
        buf = heap_alloc(PATH_LEN_MAX);
        n = buf == NULL ? -ENOMEM : link->ops->readlink(link, buf, PATH_LEN_MAX - 1);
    }
    inode_put(link);
    if (n >= 0 && (size_t)n + rest_len >= PATH_LEN_MAX)
        n = -ENAMETOOLONG;
    if (n == 0)
        n = -ENOENT;
    if (n < 0) {
        heap_free(buf);
        lock_acquire(&icache_lock);
        return (int)n;
    }
    memcpy(buf + n, rest, rest_len + 1);
    heap_free(w->buf);
    w->buf = buf;
    w->p = buf;
    lock_acquire(&icache_lock);
    return buf[0] == '/' ? jump_to_top(w, true) : 0;
}

/* One component of cur, from the cache or the disk; borrowed or held. Lock held on entry and exit. */
static int
step(struct walker *w, const char *name, size_t len, uint32_t hash, struct inode **out)
{
    struct inode *child = NULL;
    int known = name_lookup(w->cur, name, len, hash, &child), err;

    if (known == 1) {
        *out = cross_mounts(child);
        return 0;
    }
    if (known == 0)
        return -ENOENT;
    if (w->resolve & RESOLVE_CACHED)
        return -EAGAIN;
    w->odd = true;
    let_go(w);
    err = dir_lookup(w->held, name, len, &child);
    lock_acquire(&icache_lock);
    if (err == 0)
        *out = w->spare = child;
    return err;
}

/* The last component when its directory is wanted. Lock held on entry, released on exit. */
static int
finish_parent(struct walker *w, const char *name, size_t len, struct walk *out)
{
    struct inode *dir;

    inode_get(w->cur);
    dir = w->cur;
    lock_release(&icache_lock);
    out->dir = dir;
    out->last = name;
    out->last_len = len;
    out->last_hash = name_hash(name, MIN(len, (size_t)NAME_LEN_MAX));
    out->slash = len > 0 && name[len] == '/';
    out->special = len == 0 || (len <= 2 && name[0] == '.' && name[len - 1] == '.');
    if (len > NAME_LEN_MAX) {
        inode_put(dir);
        return -ENAMETOOLONG;
    }
    return inode_is(dir, S_IFDIR) ? 0 : -ENOTDIR;
}

/* One round of the walk: a component, or the end. Lock held on entry and exit. 0: go on, 1: at the end, or -errno. */
static int
walk_component(struct walker *w, const char **name_out, size_t *len_out)
{
    const char *name = w->p, *end;
    uint32_t hash;
    struct inode *child;
    int err;

    end = name + name_scan(name, &hash);
    for (w->p = end; *w->p == '/'; w->p++)
        continue;
    if (!inode_is(w->cur, S_IFDIR))
        return -ENOTDIR;
    if (w->fs->uid != 0 && inode_may_as(w->cur, MAY_EXEC, w->fs) != 0)
        return -EACCES;
    if ((w->flags & WALK_PARENT) && *w->p == '\0') {
        *name_out = name;
        *len_out = (size_t)(end - name);
        return 1;
    }
    if (name[0] == '.' && (end - name == 1 || (end - name == 2 && name[1] == '.')))
        return end - name == 1 ? 0 : go_up(w);
    err = step(w, name, (size_t)(end - name), hash, &child);
    if (err != 0)
        return err;
    if ((w->resolve & RESOLVE_NO_XDEV) && child->mnt != w->cur->mnt)
        return -EXDEV;
    if (inode_is(child, S_IFLNK)) {
        w->odd = true;
        if (*end == '/' || (w->flags & WALK_FOLLOW))
            return follow_link(w, child, end);
    }
    w->cur = child;
    return *end == '/' && *w->p == '\0' && !inode_is(child, S_IFDIR) ? -ENOTDIR : 0;
}

static inline const struct inode *
memo_start(const struct fs_context *fs, const struct inode *start, const char *path)
{
    return path[0] == '/' ? NULL : start != NULL ? start : fs->cwd;
}

/* The walk has come to cur by the first len bytes of the path. */
static void
remember(const struct walker *w, const struct inode *start, const char *path, size_t len)
{
    struct path_key key;

    if (!w->odd && path_key_part(path, len, &key))
        memo_keep(&key, memo_start(w->fs, start, path), w->fs, w->cur);
}

/* What is before the last component, without the slashes between them: its length; last: where that starts. */
static size_t
split(const char *path, size_t len, size_t *last)
{
    size_t n = len;

    while (n > 0 && path[n - 1] != '/')
        n--;
    *last = n;
    while (n > 0 && path[n - 1] == '/')
        n--;
    return n;
}

/* The directory of the path's last component, when that is a plain name and the way to it is known. */
static struct inode *
recall_parent(struct inode *start, const char *path, struct walk *out)
{
    const struct fs_context *fs = fs_current();
    size_t len = strlen(path), last, before = split(path, len, &last);
    struct path_key key;
    struct inode *dir = NULL;

    if (last == len || len - last > NAME_LEN_MAX || (len - last <= 2 && path[last] == '.' && path[len - 1] == '.'))
        return NULL;
    if (before > 0 && path_key_part(path, before, &key))
        dir = memo_recall(&key, memo_start(fs, start, path), fs);
    if (before == 0) {
        dir = last > 0 ? fs->root : start != NULL ? start : fs->cwd;
        inode_get(dir);
    }
    if (dir == NULL)
        return NULL;
    if (!inode_is(dir, S_IFDIR) || (fs->uid != 0 && inode_may_as(dir, MAY_EXEC, fs) != 0)) {
        inode_put(dir);
        return NULL;
    }
    *out = (struct walk){ .dir = dir, .last = path + last, .last_len = len - last, .last_hash = name_hash(path + last, len - last) };
    return dir;
}

static void
set_how(struct walker *w, const struct walk_how *how)
{
    if (how->as != NULL)
        w->fs = how->as;
    w->rooted = (how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
    w->top = w->rooted ? how->root : w->fs->root;
    w->resolve = how->resolve;
    w->odd = true;
}

static int
walk_all(struct inode *start, const char *path, unsigned flags, const struct walk_how *how, struct walk *out)
{
    struct walker w = { .fs = fs_current(), .p = path, .flags = flags };
    const char *last = path;
    size_t last_len = 0;
    int err = 0;

    *out = (struct walk){ 0 };
    w.top = w.fs->root;
    if (how != NULL)
        set_how(&w, how);
    lock_acquire(&icache_lock);
    w.cur = start != NULL ? start : w.fs->cwd;
    if (path[0] == '/')
        err = jump_to_top(&w, false);
    while (err == 0 && *w.p != '\0') {
        if (*w.p == '/') {
            w.p++;
            continue;
        }
        err = walk_component(&w, &last, &last_len);
    }
    if (flags & WALK_PARENT && err >= 0) {
        if (last_len == 0)
            last = w.p;
        else if (w.buf == NULL && last > path + 1)
            remember(&w, start, path, (size_t)(last - path) - 1);
        err = finish_parent(&w, last, last_len, out);
    } else {
        if (err == 0) {
            inode_get(w.cur);
            out->inode = w.cur;
            remember(&w, start, path, strlen(path));
        }
        lock_release(&icache_lock);
    }
    inode_put(w.held);
    inode_put(w.spare);
    if (err == 0)
        out->buf = w.buf;
    else
        heap_free(w.buf);
    return err;
}

int
walk_path(struct inode *start, const char *path, unsigned flags, struct walk *out)
{
    if (path[0] == '\0')
        return -ENOENT;
    if ((flags & WALK_PARENT) && recall_parent(start, path, out) != NULL)
        return 0;
    return walk_all(start, path, flags, NULL, out);
}

int
walk_path_so(struct inode *start, const char *path, unsigned flags, const struct walk_how *how, struct walk *out)
{
    return path[0] == '\0' ? -ENOENT : walk_all(start, path, flags, how, out);
}

void
walk_end(struct walk *w)
{
    inode_put(w->dir);
    inode_put(w->inode);
    heap_free(w->buf);
}

int
path_find(struct inode *start, const char *path, bool follow, const struct walk_how *how, struct inode **out)
{
    struct walk w;
    int err = walk_path_how(start, path, follow ? WALK_FOLLOW : 0, how, &w);

    if (err == 0) {
        *out = w.inode;
        heap_free(w.buf);
    }
    return err;
}

int
path_lookup(struct inode *start, const char *path, bool follow, struct inode **out)
{
    const struct fs_context *fs = fs_current();
    struct path_key key;

    *out = path_key_make((uintptr_t)path, &key) ? memo_recall(&key, memo_start(fs, start, path), fs) : NULL;
    return *out != NULL ? 0 : path_find(start, path, follow, NULL, out);
}
