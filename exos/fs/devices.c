/*
 * devices.c: null, zero, full, random, urandom; block devices read and written through the cache.
 */
#include "fs/devices.h"
#include "fs/devfs.h"
#include "fs/inode.h"

static ssize
null_read(struct file *f, struct uio *u, uint64_t *pos)
{
    (void)f, (void)u, (void)pos;
    return 0;
}

static ssize
null_write(struct file *f, struct uio *u, uint64_t *pos)
{
    ssize n = (ssize)u->left;

    (void)f, (void)pos;
    u->left = 0;
    return n;
}

static ssize
zero_read(struct file *f, struct uio *u, uint64_t *pos)
{
    ssize total = 0, n = 1;

    (void)f, (void)pos;
    while (u->left > 0 && n > 0 && !wait_interrupted()) {
        n = uio_out_zero(u, MIN(u->left, 64 * PAGE_SIZE));
        total += MAX(n, 0);
        sched_point();
    }
    return total > 0 ? total : n < 0 ? n : 0;
}

static ssize
full_write(struct file *f, struct uio *u, uint64_t *pos)
{
    (void)f, (void)u, (void)pos;
    return -ENOSPC;
}

static ssize
random_read(struct file *f, struct uio *u, uint64_t *pos)
{
    uint8_t buf[256];
    ssize total = 0, n = 1;

    (void)f, (void)pos;
    while (u->left > 0 && n > 0) {
        size_t want = MIN(u->left, sizeof(buf));

        random_fill(buf, want);
        n = uio_out(u, buf, want);
        total += MAX(n, 0);
        if ((total & 0xffff) == 0) {
            if (wait_interrupted())
                break;
            sched_point();
        }
    }
    return total > 0 ? total : n < 0 ? n : 0;
}

static const struct file_ops null_ops = { .name = "null", .read = null_read, .write = null_write };
static const struct file_ops zero_ops = { .name = "zero", .read = zero_read, .write = null_write };
static const struct file_ops full_ops = { .name = "full", .read = zero_read, .write = full_write };
static const struct file_ops random_ops = { .name = "random", .read = random_read, .write = null_write };

void
register_memory_devices(void)
{
    static const struct { const char *name; unsigned minor; const struct file_ops *ops; } table[] = {
        { "null", 3, &null_ops }, { "zero", 5, &zero_ops }, { "full", 7, &full_ops },
        { "random", 8, &random_ops }, { "urandom", 9, &random_ops },
    };

    for (unsigned n = 0; n < ARRAY_SIZE(table); n++) {
        if (devfs_register(table[n].name, S_IFCHR | 0666, (unsigned)DEV_NUMBER(1, table[n].minor), table[n].ops) != 0)
            log_print("fs: /dev/%s not registered", table[n].name);
    }
}

/* ---- block devices ---- */

static ssize
block_transfer(struct file *f, struct uio *u, uint64_t *pos, bool write)
{
    struct blkdev *dev = devfs_block(f->inode);
    struct cache_space *s = dev != NULL ? blkdev_space(dev) : NULL;
    uint64_t size = dev != NULL ? dev->sector_count * BLK_SECTOR : 0;
    ssize total = 0, got = 0;

    if (s == NULL)
        return -ENXIO;
    while (u->left > 0 && *pos < size && !wait_interrupted()) {
        uint64_t off = *pos & PAGE_MASK, n = MIN(MIN(PAGE_SIZE - off, u->left), size - *pos);
        struct page *p;

        got = cache_get(s, *pos >> PAGE_SHIFT, &f->readahead, &p);
        if (got != 0)
            break;
        got = write ? uio_in(u, p->data + off, n) : uio_out(u, p->data + off, n);
        if (got > 0 && write) {
            uint64_t first = off & ~(BLK_SECTOR - 1ul);

            cache_dirty(p, (uint32_t)first, (uint32_t)(off + (uint64_t)got - first));
        }
        cache_unpin(p);
        if (got <= 0)
            break;
        *pos += (uint64_t)got;
        total += got;
        if (write)
            cache_throttle();
    }
    if (total == 0 && got == 0 && write && u->left > 0 && *pos >= size)
        got = -ENOSPC;
    return total > 0 ? total : got;
}

static ssize
block_read(struct file *f, struct uio *u, uint64_t *pos)
{
    return block_transfer(f, u, pos, false);
}

static ssize
block_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct blkdev *dev = devfs_block(f->inode);

    if (dev == NULL || dev->read_only || blkdev_mounted(dev))
        return dev == NULL ? -ENXIO : dev->read_only ? -EROFS : -EBUSY;
    return block_transfer(f, u, pos, true);
}

#define BLKGETSIZE   0x1260u
#define BLKSSZGET    0x1268u
#define BLKFLSBUF    0x1261u
#define BLKROGET     0x125eu
#define BLKBSZGET    0x80081270u
#define BLKGETSIZE64 0x80081272u
#define BLKPBSZGET   0x127bu

static long
block_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct blkdev *dev = devfs_block(f->inode);
    uint64_t sectors, bytes;
    uint32_t word = BLK_SECTOR;

    if (dev == NULL)
        return -ENXIO;
    sectors = dev->sector_count;
    bytes = sectors * BLK_SECTOR;
    switch (cmd) {
    case BLKGETSIZE:
        return user_copy_out(arg, &sectors, 8);
    case BLKGETSIZE64:
        return user_copy_out(arg, &bytes, 8);
    case BLKSSZGET:
    case BLKPBSZGET:
        return user_copy_out(arg, &word, 4);
    case BLKBSZGET:
        bytes = PAGE_SIZE;
        return user_copy_out(arg, &bytes, 8);
    case BLKROGET:
        word = dev->read_only;
        return user_copy_out(arg, &word, 4);
    case BLKFLSBUF:
        return cache_sync(blkdev_space(dev));
    default:
        return -ENOTTY;
    }
}

static int
block_open(struct file *f)
{
    struct blkdev *dev = devfs_block(f->inode);
    struct cache_space *s = dev != NULL ? blkdev_space(dev) : NULL;

    if (s != NULL)
        f->errors_seen = s->errors_told;
    return 0;
}

static int
block_fsync(struct file *f)
{
    struct blkdev *dev = devfs_block(f->inode);
    int err, err2;

    if (dev == NULL)
        return -ENXIO;
    err = cache_sync(blkdev_space(dev));
    err2 = blk_flush(dev);
    err = err != 0 ? err : err2;
    err2 = cache_error_since(blkdev_space(dev), &f->errors_seen);
    return err != 0 ? err : err2;
}

static void
block_release(struct file *f)
{
    struct blkdev *dev = devfs_block(f->inode);

    if (dev != NULL && (f->flags & O_ACCMODE) != O_RDONLY && blkdev_space(dev)->dirty_count > 0 &&
        cache_sync(blkdev_space(dev)) != 0)
        log_print("fs: %s: data lost on write-back", dev->name);
}

const struct file_ops block_device_ops = {
    .name = "block",
    .open = block_open,
    .fsync = block_fsync,
    .read = block_read,
    .write = block_write,
    .ioctl = block_ioctl,
    .release = block_release,
};
