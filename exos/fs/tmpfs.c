/*
 * tmpfs.c: a file system in session memory: /run, /dev/shm, and the tree of device nodes.
 *
 * Holds:    an inode with names has one reference from the tree, so it stays; data lies in the page cache as pages that have no disk
 *           to go to and are never given up.
 * Locks:    a directory's own guards its entries.
 */
#include "fs/tmpfs.h"
#include "fs/seals.h"
#include "fs/xattr.h"
#include "base/mem.h"

#define TMPFS_MAGIC 0x01021994
#define ATTRIBUTES_MAX (256u << 10)     /* bytes of one inode's extended attributes */
#define FIRST_COOKIE 2                  /* positions 0 and 1 are "." and ".." */

struct tmpfs_entry {
    struct list link;
    struct inode *inode;
    uint64_t cookie;
    size_t len;
    char name[];
};

struct tmpfs_inode {
    struct inode vfs;
    struct list entries;
    struct inode *parent;               /* of a directory: not a reference, the parent outlives it */
    uint64_t next_cookie;
    char *target;
    struct list attributes;             /* struct xattr.link, by name */
};

struct tmpfs {
    uint64_t next_ino;
};

static const struct inode_ops tmpfs_inode_ops;

static struct tmpfs_inode *
tmpfs_inode(struct inode *i)
{
    return container_of(i, struct tmpfs_inode, vfs);
}

static struct tmpfs_inode *
make(struct mount *m, const struct inode *dir, uint32_t mode, uint64_t rdev)
{
    struct tmpfs *fs = m->priv;
    struct tmpfs_inode *i = heap_alloc(sizeof(*i));

    if (i == NULL)
        return NULL;
    inode_init(&i->vfs, m, fs->next_ino++, &tmpfs_inode_ops);
    i->vfs.mode = mode;
    i->vfs.rdev = rdev;
    i->vfs.seals = F_SEAL_SEAL;
    inode_born(&i->vfs, dir);
    i->vfs.atime_ns = i->vfs.mtime_ns = i->vfs.ctime_ns = i->vfs.btime_ns = clock_realtime_ns();
    i->next_cookie = FIRST_COOKIE;
    list_init(&i->entries);
    list_init(&i->attributes);
    if (inode_insert(&i->vfs) != &i->vfs)
        EXO_PANIC("tmpfs inode number used twice");
    return i;
}

static struct tmpfs_entry *
find(struct inode *dir, const char *name, size_t len)
{
    list_for(l, &tmpfs_inode(dir)->entries) {
        struct tmpfs_entry *e = container_of(l, struct tmpfs_entry, link);

        if (e->len == len && memcmp(e->name, name, len) == 0)
            return e;
    }
    return NULL;
}

static int
tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
    struct tmpfs_entry *e;

    if (len == 2 && name[0] == '.' && name[1] == '.') {
        *out = tmpfs_inode(dir)->parent;
        inode_get(*out);
        return 0;
    }
    e = find(dir, name, len);
    if (e == NULL)
        return -ENOENT;
    inode_get(e->inode);
    *out = e->inode;
    return 0;
}

static int
add(struct inode *dir, const char *name, size_t len, struct inode *i)
{
    struct tmpfs_entry *e = heap_alloc(sizeof(*e) + len);

    if (e == NULL)
        return -ENOSPC;
    memcpy(e->name, name, len);
    e->len = len;
    e->inode = i;
    e->cookie = tmpfs_inode(dir)->next_cookie++;
    list_push_tail(&tmpfs_inode(dir)->entries, &e->link);
    dir->size_dir += 20;
    if (inode_is(i, S_IFDIR)) {
        tmpfs_inode(i)->parent = dir;
        dir->nlink++;
    }
    inode_times(dir, true, true);
    return 0;
}

static void
take_away(struct inode *dir, struct tmpfs_entry *e)
{
    if (inode_is(e->inode, S_IFDIR))
        dir->nlink--;
    list_remove(&e->link);
    heap_free(e);
    dir->size_dir -= 20;
    inode_times(dir, true, true);
}

/* One name less; with the last the tree's reference goes. */
static void
lose_name(struct inode *i)
{
    i->nlink = inode_is(i, S_IFDIR) ? 0 : i->nlink - 1;
    inode_times(i, false, true);
    if (i->nlink == 0)
        inode_put(i);
}

static int
tmpfs_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, const char *target, struct inode **out)
{
    struct tmpfs_inode *i = make(dir->mnt, dir, mode, rdev);
    int err = i == NULL ? -ENOSPC : 0;

    if (err == 0 && target != NULL) {
        i->vfs.size_dir = strlen(target);
        i->target = heap_alloc(i->vfs.size_dir + 1);
        if (i->target == NULL)
            err = -ENOSPC;
        else
            memcpy(i->target, target, i->vfs.size_dir);
    }
    if (err == 0)
        err = add(dir, name, len, &i->vfs);
    if (err != 0) {
        if (i != NULL) {
            i->vfs.nlink = 0;
            inode_put(&i->vfs);
        }
        return err;
    }
    if ((mode & S_IFMT) == S_IFDIR)
        i->vfs.nlink = 2;
    inode_get(&i->vfs);                 /* the tree's */
    *out = &i->vfs;
    return 0;
}

static int
tmpfs_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
    int err = add(dir, name, len, target);

    if (err == 0) {
        if (target->nlink == 0)
            inode_get(target);          /* the tree's, again */
        target->nlink++;
        inode_times(target, false, true);
    }
    return err;
}

static int
tmpfs_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
    struct tmpfs_entry *e = find(dir, name, len);

    if (e == NULL)
        return -ENOENT;
    if (inode_is(victim, S_IFDIR) && !list_empty(&tmpfs_inode(victim)->entries))
        return -ENOTEMPTY;
    take_away(dir, e);
    lose_name(victim);
    return 0;
}

/* The two trade places; directories count among what is in theirs. */
static void
swap_parents(struct inode *from, struct inode *what, struct inode *to, struct inode *victim)
{
    bool a = inode_is(what, S_IFDIR), b = inode_is(victim, S_IFDIR);

    if (a)
        tmpfs_inode(what)->parent = to;
    if (b)
        tmpfs_inode(victim)->parent = from;
    from->nlink += (uint32_t)b - (uint32_t)a;
    to->nlink += (uint32_t)a - (uint32_t)b;
    inode_times(from, true, true);
    inode_times(to, true, true);
    inode_times(what, false, true);
    inode_times(victim, false, true);
}

static int
tmpfs_rename(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
             size_t new_len, struct inode *victim, bool exchange)
{
    struct tmpfs_entry *a = find(from, name, len), *b = find(to, new_name, new_len);
    int err;

    if (a == NULL || (victim != NULL && b == NULL))
        return -ENOENT;
    if (exchange) {
        a->inode = victim;
        b->inode = what;
        swap_parents(from, what, to, victim);
        return 0;
    }
    if (victim != NULL && inode_is(victim, S_IFDIR) && !list_empty(&tmpfs_inode(victim)->entries))
        return -ENOTEMPTY;
    err = add(to, new_name, new_len, what);
    if (err != 0)
        return err;
    take_away(from, a);
    if (victim != NULL) {
        take_away(to, b);
        lose_name(victim);
    }
    inode_times(what, false, true);
    return 0;
}

static int
tmpfs_readdir(struct inode *dir, uint64_t *pos, struct dir_sink *sink)
{
    struct inode *parent = tmpfs_inode(dir)->parent;

    if (*pos == 0 && !sink->entry(sink, ".", 1, dir->ino, 4, 1))
        return 0;
    *pos = MAX(*pos, 1ul);
    if (*pos == 1 && !sink->entry(sink, "..", 2, parent->ino, 4, FIRST_COOKIE))
        return 0;
    *pos = MAX(*pos, (uint64_t)FIRST_COOKIE);
    list_for(l, &tmpfs_inode(dir)->entries) {
        struct tmpfs_entry *e = container_of(l, struct tmpfs_entry, link);

        if (e->cookie < *pos)
            continue;
        if (!sink->entry(sink, e->name, e->len, e->inode->ino, (e->inode->mode >> 12) & 15, e->cookie + 1))
            return 0;
        *pos = e->cookie + 1;
    }
    return 0;
}

static ssize
tmpfs_readlink(struct inode *i, char *buf, size_t size)
{
    size_t n = MIN(i->size_dir, size);

    memcpy(buf, tmpfs_inode(i)->target, n);
    return (ssize)n;
}

static void
tmpfs_evict(struct inode *i)
{
    heap_free(tmpfs_inode(i)->target);
    xattrs_free(&tmpfs_inode(i)->attributes);
}

static int
tmpfs_xattr_read(struct inode *i, struct list *set)
{
    int err = 0;

    list_for(l, &tmpfs_inode(i)->attributes) {
        const struct xattr *x = container_of(l, struct xattr, link);
        void *value = x->size > 0 ? heap_alloc(x->size) : NULL;

        if (err == 0)
            err = x->size > 0 && value == NULL ? -ENOMEM : 0;
        if (err != 0)
            break;
        if (x->size > 0)
            memcpy(value, x->value, x->size);
        err = xattr_add(set, x->name, x->name_len, value, x->size);
    }
    return err;
}

/* Where in the sorted list x goes: before what this gives. */
static struct list *
place_of(struct list *sorted, const struct xattr *x)
{
    struct list *l = sorted->next;

    while (l != sorted && strcmp(container_of(l, struct xattr, link)->name, x->name) < 0)
        l = l->next;
    return l;
}

static int
tmpfs_xattr_write(struct inode *i, struct list *set)
{
    struct list *mine = &tmpfs_inode(i)->attributes;
    uint64_t total = 0;

    list_for(l, set)
        total += container_of(l, struct xattr, link)->name_len + container_of(l, struct xattr, link)->size;
    if (total > ATTRIBUTES_MAX)
        return -ENOSPC;
    xattrs_free(mine);
    while (!list_empty(set)) {
        struct xattr *x = container_of(set->next, struct xattr, link);

        list_remove(&x->link);
        list_push_tail(place_of(mine, x), &x->link);
    }
    return 0;
}

static const struct inode_ops tmpfs_inode_ops = {
    .lookup = tmpfs_lookup,
    .create = tmpfs_create,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rename = tmpfs_rename,
    .readdir = tmpfs_readdir,
    .readlink = tmpfs_readlink,
    .evict = tmpfs_evict,
    .xattr_read = tmpfs_xattr_read,
    .xattr_write = tmpfs_xattr_write,
};

static void
tmpfs_statfs(struct mount *m, struct fs_stat *out)
{
    struct cache_stats c;

    (void)m;
    cache_stats(&c);
    *out = (struct fs_stat){ TMPFS_MAGIC, PAGE_SIZE, c.limit, c.limit - MIN(c.limit, c.pages), c.limit - MIN(c.limit, c.pages),
                             1u << 20, 1u << 19, 0 };
}

/* The tree goes, deepest first, at most one level at a time: every entry's inode loses its name. */
static int
tmpfs_unmount(struct mount *m)
{
    list_for_safe(l, tmp, &m->inodes) {
        struct tmpfs_inode *i = tmpfs_inode(container_of(l, struct inode, mnt_link));

        while (!list_empty(&i->entries)) {
            struct tmpfs_entry *e = container_of(i->entries.next, struct tmpfs_entry, link);
            list_remove(&e->link);
            heap_free(e);
        }
        i->vfs.nlink = 0;
    }
    for (bool again = true; again;) {
        again = false;
        list_for(l, &m->inodes) {
            struct inode *i = container_of(l, struct inode, mnt_link);

            if (i->refs == 1 && !i->dead) {
                inode_put(i);           /* the tree's own reference */
                again = true;
                break;
            }
        }
    }
    if (list_empty(&m->inodes))
        heap_free(m->priv);
    return 0;
}

const struct fs_ops tmpfs_ops = { .name = "tmpfs", .unmount = tmpfs_unmount, .statfs = tmpfs_statfs, .holds_named = true };

int
tmpfs_new(const struct fs_ops *ops, uint32_t mode, struct mount **out)
{
    struct mount *m = mount_new(ops);
    struct tmpfs *fs = heap_alloc(sizeof(*fs));
    struct tmpfs_inode *root;

    if (m == NULL || fs == NULL)
        goto fail;
    fs->next_ino = 1;
    m->priv = fs;
    root = make(m, NULL, S_IFDIR | mode, 0);
    if (root == NULL)
        goto fail;
    root->vfs.nlink = 2;
    root->parent = &root->vfs;
    inode_get(&root->vfs);              /* the tree's */
    m->root = &root->vfs;
    *out = m;
    return 0;
fail:
    heap_free(fs);
    heap_free(m);
    return -ENOMEM;
}

int
tmpfs_mount(uint32_t mode, struct mount **out)
{
    return tmpfs_new(&tmpfs_ops, mode, out);
}
