/*
 * mount.c: what is mounted where; bring-up, write-back on time, and the way down.
 */
#include "base/mem.h"
#include "fs/devfs.h"
#include "fs/notify.h"
#include "fs/procfs.h"
#include "fs/sysfs.h"

#define BLKDEVS_MAX 16
#define HOUSEKEEP_PAGES 128             /* write-back of one call */

struct inode *fs_root, *fs_memory;
struct own mounts_own;

static struct list mounts = { &mounts, &mounts };
static struct lock mounts_lock = LOCK_INIT(LOCK_RANK_MOUNT);
static uint64_t next_id = 0x20, flush_at;
static struct { struct blkdev *dev; struct cache_space *space; } spaces[BLKDEVS_MAX];

struct mount *
mount_new(const struct fs_ops *ops)
{
    struct mount *m = heap_alloc(sizeof(*m));

    if (m == NULL)
        return NULL;
    m->ops = ops;
    m->id = m->dev_id = next_id++;
    list_init(&m->link);
    list_init(&m->inodes);
    list_init(&m->dirty);
    own_init(&m->rename_own, LOCK_RANK_MOUNT);
    return m;
}

struct mount *
mount_at(unsigned index)
{
    list_for(l, &mounts) {
        struct mount *m = container_of(l, struct mount, link);

        if (!m->detached && index-- == 0)
            return m;
    }
    return NULL;
}

static int
space_map(struct cache_space *s, uint64_t block, uint32_t max, uint64_t *sector, uint32_t *count)
{
    uint64_t first = block << (s->block_shift - 9), room;

    if (first >= s->dev->sector_count)
        return -EIO;
    room = (s->dev->sector_count - first + (1u << (s->block_shift - 9)) - 1) >> (s->block_shift - 9);
    *sector = first;
    *count = (uint32_t)MIN((uint64_t)max, room);
    if (*count < max && s->block_shift < PAGE_SHIFT)
        *count = max;                   /* the rest of the last page: read_run clips to the device */
    return 0;
}

static const struct cache_ops space_ops = { space_map };

struct cache_space *
blkdev_space(struct blkdev *dev)
{
    for (unsigned n = 0; n < BLKDEVS_MAX; n++) {
        if (spaces[n].dev == dev)
            return spaces[n].space;
        if (spaces[n].dev == NULL) {
            struct cache_space *s = heap_alloc(sizeof(*s));

            if (s == NULL)
                return NULL;
            cache_space_init(s, &space_ops, dev, PAGE_SHIFT);
            s->size = dev->sector_count * BLK_SECTOR;
            spaces[n].space = s;
            spaces[n].dev = dev;
            return s;
        }
    }
    return NULL;
}

bool
blkdev_mounted(const struct blkdev *dev)
{
    list_for(l, &mounts) {
        if (container_of(l, struct mount, link)->dev == dev)
            return true;
    }
    return false;
}

static void
add(struct mount *m)
{
    lock_acquire(&mounts_lock);
    list_push_tail(&mounts, &m->link);
    lock_release(&mounts_lock);
}

void
mount_cover(struct mount *m, struct inode *dir)
{
    m->covered = dir;
    dir->covered_by = m;
    names_changed(dir);
    add(m);
}

void
mount_uncover(struct mount *m)
{
    struct inode *dir = m->covered;

    if (dir == NULL)
        return;
    m->covered = NULL;
    dir->covered_by = NULL;
    names_changed(dir);
    inode_put(dir);
}

/* Mounts m on the directory, which is made if it is missing. */
int
mount_attach(struct mount *m, const char *path)
{
    struct inode *dir;
    int err = path_lookup(NULL, path, true, &dir);

    if (err == -ENOENT) {
        err = vfs_make(NULL, path, S_IFDIR | 0755, 0, NULL);
        if (err == 0)
            err = path_lookup(NULL, path, true, &dir);
    }
    if (err == 0 && (!inode_is(dir, S_IFDIR) || dir->covered_by != NULL || dir == dir->mnt->root)) {
        err = inode_is(dir, S_IFDIR) ? -EBUSY : -ENOTDIR;
        inode_put(dir);
    }
    if (err != 0)
        return err;
    m->needed = true;
    mount_cover(m, dir);
    return 0;
}

void
fs_init(void)
{
    own_init(&mounts_own, LOCK_RANK_MOUNT);
    cache_init();
    icache_init();
    names_init();
    devfs_init();
    procfs_init();
    sysfs_init();
}

/* What finds no place is in no path, but there: devices and unnamed files are found without one. */
static void
attach_or_log(struct mount *m, int err, const char *path)
{
    bool made = err == 0;

    if (made)
        err = mount_attach(m, path);
    if (err == 0)
        return;
    log_print("fs: nothing mounted on %s: error %d", path, -err);
    if (made) {
        m->detached = m->needed = true;
        add(m);
    }
}

int
fs_mount_root(const char *dev_name)
{
    struct blkdev *dev = blkdev_find(dev_name);
    struct mount *m = NULL;
    int err;

    if (dev == NULL)
        return -ENODEV;
    err = ext4_mount(dev, false, &m);
    if (err != 0)
        return err;
    fs_root = m->root;
    m->needed = true;
    add(m);
    attach_or_log(devfs_mount(), 0, "/dev");
    err = procfs_mount(&m);
    attach_or_log(m, err, "/proc");
    err = sysfs_mount(&m);
    attach_or_log(m, err, "/sys");
    err = tmpfs_mount(01777, &m);
    if (err == 0)
        fs_memory = m->root;
    attach_or_log(m, err, "/dev/shm");
    err = tmpfs_mount(0755, &m);
    attach_or_log(m, err, "/run");
    return 0;
}

int
fs_sync_all(void)
{
    int first = 0;

    list_for(l, &mounts) {
        struct mount *m = container_of(l, struct mount, link);
        int err = m->ops->sync != NULL ? m->ops->sync(m, true) : 0;

        first = first != 0 ? first : err;
    }
    return first;
}

/* Open files that nobody names any more: their blocks go back before the file system is closed. */
static void
end_orphans(struct mount *m)
{
    list_for(l, &m->inodes) {
        struct inode *i = container_of(l, struct inode, mnt_link);

        if (i->nlink == 0 && !i->dead) {
            i->dead = true;
            i->ops->evict(i);
        }
    }
}

/* Whoever watches something in m hears that it goes. */
static void
end_watches(struct mount *m)
{
    struct inode *i;

    do {
        i = NULL;
        lock_acquire(&icache_lock);
        list_for(l, &m->inodes) {
            i = container_of(l, struct inode, mnt_link);
            if (i->watches != NULL) {
                inode_get(i);
                break;
            }
            i = NULL;
        }
        lock_release(&icache_lock);
        if (i != NULL) {
            notify_gone(i, IN_UNMOUNT);
            inode_put(i);
        }
    } while (i != NULL);
}

int
mount_end(struct mount *m)
{
    int err = 0;

    lock_acquire(&mounts_lock);
    list_remove(&m->link);
    lock_release(&mounts_lock);
    mount_uncover(m);
    end_watches(m);
    if (m->ops->sync != NULL)
        err = m->ops->sync(m, true);    /* lets go of inodes whose names had to leave the disk first */
    inode_put(m->root);
    icache_reclaim(m, UINT64_MAX);
    if (m->dev != NULL)
        end_orphans(m);
    if (m->ops->unmount != NULL) {
        int err2 = m->ops->unmount(m);
        err = err != 0 ? err : err2;
    }
    if (list_empty(&m->inodes))
        heap_free(m);
    else
        log_print("fs: %s was still in use at the end", m->dev != NULL ? m->dev->name : m->ops->name);
    return err;
}

static struct mount *
idle_detached(void)
{
    list_for(l, &mounts) {
        struct mount *m = container_of(l, struct mount, link);

        if (m->detached && !m->needed && !mount_busy(m))
            return m;
    }
    return NULL;
}

void
mounts_reap(void)
{
    struct mount *m;

    while ((m = idle_detached()) != NULL) {
        if (mount_end(m) != 0)
            log_print("fs: a file system that was detached could not be written");
    }
}

int
fs_unmount_all(void)
{
    int first = 0;

    fs_memory = NULL;
    while (!list_empty(&mounts)) {
        int err = mount_end(container_of(mounts.prev, struct mount, link));

        first = first != 0 ? first : err;
    }
    fs_root = NULL;
    return first;
}

uint64_t
fs_housekeep(void)
{
    uint64_t now = clock_monotonic_ns(), due;

    if (now >= flush_at) {
        flush_at = now + CACHE_AGE_NS;
        if (own_try(&mounts_own)) {
            mounts_reap();
            own_drop(&mounts_own);
        }
        list_for(l, &mounts) {
            struct mount *m = container_of(l, struct mount, link);

            if (m->ops->sync != NULL && m->ops->sync(m, false) != 0)
                log_print("fs: %s: attributes could not be written", m->dev != NULL ? m->dev->name : m->ops->name);
        }
    }
    if (now > CACHE_AGE_NS)
        cache_writeback(HOUSEKEEP_PAGES, now - CACHE_AGE_NS);
    due = cache_writeback_due();
    return MIN(due, flush_at);
}
