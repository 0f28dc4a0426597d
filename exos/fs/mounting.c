/*
 * mounting.c: file systems that programs mount and unmount.
 *
 * Holds:    a mount is busy while anybody refers to an inode of it, beyond what its file system itself does; watches do not count.
 *           One that was detached is in no path, and ends when it is not busy any more (fs_housekeep).
 * Locks:    mounts_own, by whoever mounts or unmounts: a disk is mounted once.
 * Not here: bind mounts and moves: an inode is in one place of the tree.
 */
#include "fs/mounting.h"

#include "base/mem.h"
#include "fs/devfs.h"
#include "fs/devices.h"
#include "fs/procfs.h"
#include "fs/sysfs.h"

/* ---- options of tmpfs: mode=, uid=, gid=; limits are not held to ---- */

struct tmpfs_options {
    uint32_t mode, uid, gid;
};

static bool
number(const char *s, size_t len, unsigned base, uint32_t *out)
{
    uint64_t v = 0;

    for (size_t n = 0; n < len; n++) {
        if (s[n] < '0' || s[n] >= (char)('0' + base) || v > UINT32_MAX)
            return false;
        v = v * base + (uint64_t)(s[n] - '0');
    }
    *out = (uint32_t)v;
    return len > 0 && v <= UINT32_MAX;
}

static bool
one_option(const char *s, size_t len, struct tmpfs_options *o)
{
    static const char *const ignored[] = { "size=", "nr_blocks=", "nr_inodes=", "huge=", "inode32", "inode64" };

    if (len > 5 && strncmp(s, "mode=", 5) == 0)
        return number(s + 5, len - 5, 8, &o->mode) && o->mode <= S_PERM;
    if (len > 4 && strncmp(s, "uid=", 4) == 0)
        return number(s + 4, len - 4, 10, &o->uid);
    if (len > 4 && strncmp(s, "gid=", 4) == 0)
        return number(s + 4, len - 4, 10, &o->gid);
    for (unsigned n = 0; n < ARRAY_SIZE(ignored); n++) {
        if (strncmp(s, ignored[n], MIN(strlen(ignored[n]), len)) == 0)
            return true;
    }
    return false;
}

static int
new_tmpfs(const struct mount_wish *wish, struct mount **out)
{
    struct tmpfs_options o = { .mode = 01777 };
    const char *s = wish->options;
    int err;

    while (*s != '\0') {
        size_t len = 0;

        while (s[len] != '\0' && s[len] != ',')
            len++;
        if (len > 0 && !one_option(s, len, &o))
            return -EINVAL;
        s += len + (s[len] == ',');
    }
    err = tmpfs_mount(o.mode, out);
    if (err == 0) {
        (*out)->root->uid = o.uid;
        (*out)->root->gid = o.gid;
    }
    return err;
}

/* ---- what there is to mount ---- */

static int
new_ext4(const struct mount_wish *wish, struct mount **out)
{
    struct blkdev *dev;
    struct inode *node;
    int err = path_lookup(NULL, wish->source, true, &node);

    if (err != 0)
        return err;
    dev = inode_is(node, S_IFBLK) ? devfs_block(node) : NULL;
    err = !inode_is(node, S_IFBLK) ? -ENOTBLK : dev == NULL ? -ENXIO : blkdev_mounted(dev) ? -EBUSY :
          dev->read_only && !(wish->flags & MS_RDONLY) ? -EACCES : 0;
    inode_put(node);
    if (err == 0)
        err = ext4_mount(dev, (wish->flags & MS_RDONLY) != 0, out);
    return err == -EUCLEAN ? -EINVAL : err;
}

static int
new_proc(const struct mount_wish *wish, struct mount **out)
{
    (void)wish;
    return procfs_mount(out);
}

static int
new_sys(const struct mount_wish *wish, struct mount **out)
{
    (void)wish;
    return sysfs_mount(out);
}

static int
new_dev(const struct mount_wish *wish, struct mount **out)
{
    (void)wish;
    return devfs_copy(out);
}

static const struct {
    const char *name;
    int (*make)(const struct mount_wish *wish, struct mount **out);
} types[] = {
    { "tmpfs", new_tmpfs }, { "proc", new_proc }, { "sysfs", new_sys }, { "devtmpfs", new_dev }, { "ext4", new_ext4 }, { "ext3", new_ext4 }, { "ext2", new_ext4 },
};

static int
make(const struct mount_wish *wish, struct mount **out)
{
    for (unsigned n = 0; n < ARRAY_SIZE(types); n++) {
        if (strcmp(types[n].name, wish->type) == 0)
            return types[n].make(wish, out);
    }
    return -ENODEV;
}

static int
mount_owned(struct inode *at, const struct mount_wish *wish)
{
    struct mount *m = NULL;
    int err = !inode_is(at, S_IFDIR) ? -ENOTDIR : at == fs_root ? -EBUSY : make(wish, &m);

    if (err == 0 && (at->covered_by != NULL || at->nlink == 0)) {       /* since the path was walked */
        m->covered = NULL;
        (void)mount_end(m);
        err = at->nlink == 0 ? -ENOENT : -EBUSY;
    }
    if (err != 0) {
        inode_put(at);
        return err;
    }
    m->flags = wish->flags & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
    m->read_only |= (wish->flags & MS_RDONLY) != 0;
    fmt_print(m->source, sizeof(m->source), "%s", wish->source);
    mount_cover(m, at);
    return 0;
}

int
vfs_mount(struct inode *at, const struct mount_wish *wish)
{
    int err;

    own_take(&mounts_own);
    err = mount_owned(at, wish);
    own_drop(&mounts_own);
    return err;
}

static bool
has_writers(struct mount *m)
{
    list_for(l, &m->inodes) {
        if (container_of(l, struct inode, mnt_link)->writers > 0)
            return true;
    }
    return false;
}

static int
remount_owned(struct inode *at, uint32_t flags)
{
    struct mount *m = at->mnt;
    bool read_only = (flags & MS_RDONLY) != 0;
    int err = at != m->root ? -EINVAL : read_only && !m->read_only && has_writers(m) ? -EBUSY : 0;

    if (err == 0 && read_only != m->read_only && m->ops->remount != NULL)
        err = m->ops->remount(m, read_only);
    if (err == 0) {
        m->read_only = read_only;
        m->flags = flags & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
    }
    return err;
}

int
vfs_remount(struct inode *at, uint32_t flags)
{
    int err;

    own_take(&mounts_own);
    err = remount_owned(at, flags);
    own_drop(&mounts_own);
    inode_put(at);
    return err;
}

/* ---- and to unmount ---- */

/* Is something else mounted in m? */
static struct mount *
child_of(const struct mount *m)
{
    struct mount *c;

    for (unsigned n = 0; (c = mount_at(n)) != NULL; n++) {
        if (c->covered != NULL && c->covered->mnt == m)
            return c;
    }
    return NULL;
}

bool
mount_busy(struct mount *m)
{
    bool busy = false;

    lock_acquire(&icache_lock);
    list_for(l, &m->inodes) {
        const struct inode *i = container_of(l, struct inode, mnt_link);
        uint32_t own = (i == m->root) + (m->ops->holds_named && i->nlink > 0);

        busy |= i->refs - i->quiet > own;
    }
    lock_release(&icache_lock);
    return busy;
}

/* The tree of mounts that m begins is in no path any more. */
static void
detach(struct mount *m)
{
    struct mount *c;

    while ((c = child_of(m)) != NULL)
        detach(c);
    mount_uncover(m);
    m->detached = true;
}

/* Is it, or something in it, what the session cannot do without? */
static bool
needed(const struct mount *m)
{
    struct mount *c;

    for (unsigned n = 0; (c = mount_at(n)) != NULL; n++) {
        const struct mount *up = c;

        while (up != m && up->covered != NULL)
            up = up->covered->mnt;
        if (up == m && c->needed)
            return true;
    }
    return false;
}

static int
umount_owned(struct inode *at, uint32_t flags)
{
    struct mount *m = at->mnt;
    int err = at != m->root || (flags & MNT_EXPIRE) ? -EINVAL : needed(m) ? -EBUSY : 0;

    inode_put(at);
    if (err != 0)
        return err;
    if (!(flags & MNT_DETACH))
        return child_of(m) != NULL || mount_busy(m) ? -EBUSY : mount_end(m);
    detach(m);
    mounts_reap();
    return 0;
}

int
vfs_umount(struct inode *at, uint32_t flags)
{
    int err;

    own_take(&mounts_own);
    err = umount_owned(at, flags);
    own_drop(&mounts_own);
    return err;
}
