/*
 * devfs.c: device nodes: a table of registrations, and a tmpfs tree that shows them under /dev.
 *
 * Holds:    a node on any file system opens the device that is registered under its number.
 */
#include "fs/devfs.h"
#include "base/mem.h"
#include "fs/devices.h"
#include "fs/inode.h"
#include "fs/tmpfs.h"

#define DEVICES_MAX 64
#define DEVICE_NAME_MAX 24

static struct device {
    char name[DEVICE_NAME_MAX];
    unsigned mode;
    uint64_t rdev;
    const struct file_ops *ops;
    struct blkdev *block;
} devices[DEVICES_MAX];
static unsigned device_count;
static struct mount *devfs;

static void
show(struct inode *dir, const struct device *d)
{
    struct inode *i = NULL;
    size_t len = strlen(d->name);

    own_take(&dir->own);
    if (dir->ops->create(dir, d->name, len, d->mode, d->rdev, NULL, &i) == 0)
        name_enter(dir, d->name, len, i);
    own_drop(&dir->own);
    inode_put(i);
}

static struct device *
find(unsigned type, uint64_t rdev)
{
    for (unsigned n = 0; n < device_count; n++) {
        if (devices[n].rdev == rdev && (devices[n].mode & S_IFMT) == type)
            return &devices[n];
    }
    return NULL;
}

int
devfs_register(const char *name, unsigned mode, unsigned rdev, const struct file_ops *ops)
{
    struct device *d = &devices[device_count];

    for (unsigned n = 0; n < device_count; n++) {
        if (strcmp(devices[n].name, name) == 0)
            return -EEXIST;
    }
    if (device_count == DEVICES_MAX || strlen(name) >= DEVICE_NAME_MAX)
        return -ENOSPC;
    fmt_print(d->name, sizeof(d->name), "%s", name);
    d->mode = mode;
    d->rdev = rdev;
    d->ops = ops;
    device_count++;
    if (devfs != NULL)
        show(devfs->root, d);
    return 0;
}

/* The block device behind an open file's node; NULL. */
struct blkdev *
devfs_block(struct inode *i)
{
    struct device *d = find(S_IFBLK, i->rdev);

    return d != NULL ? d->block : NULL;
}

int
devfs_open_rdev(struct inode *i, struct file *f)
{
    struct device *d = find(i->mode & S_IFMT, i->rdev);

    if (d == NULL)
        return -ENXIO;
    f->ops = d->ops;
    return d->ops->open != NULL ? d->ops->open(f) : 0;
}

static void
register_disks(void)
{
    struct blkdev *dev;

    for (unsigned n = 0; (dev = blkdev_at(n)) != NULL; n++) {
        if (devfs_register(dev->name, S_IFBLK | 0660, dev->number, &block_device_ops) == 0)
            devices[device_count - 1].block = dev;
    }
}

static void
make_link(struct inode *dir, const char *name, const char *target)
{
    struct inode *i = NULL;

    if (dir->ops->create(dir, name, strlen(name), S_IFLNK | 0777, 0, target, &i) != 0)
        log_print("fs: no memory for /dev/%s", name);
    inode_put(i);
}

void
devfs_init(void)
{
    register_memory_devices();
}

int
devfs_copy(struct mount **out)
{
    static struct fs_ops ops;
    struct inode *root;
    int err;

    ops = tmpfs_ops;
    ops.name = "devtmpfs";
    err = tmpfs_new(&ops, 0755, out);
    if (err != 0)
        return err;
    root = (*out)->root;
    for (unsigned n = 0; n < device_count; n++)
        show(root, &devices[n]);
    make_link(root, "fd", "/proc/self/fd");
    make_link(root, "stdin", "/proc/self/fd/0");
    make_link(root, "stdout", "/proc/self/fd/1");
    make_link(root, "stderr", "/proc/self/fd/2");
    return 0;
}

struct mount *
devfs_mount(void)
{
    struct mount *m = NULL;

    register_disks();
    if (devfs_copy(&m) != 0)
        EXO_PANIC("no memory for /dev");
    devfs = m;
    return m;
}
