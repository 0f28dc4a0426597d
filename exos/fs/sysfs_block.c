/*
 * sysfs_block.c: /sys/block: disks, their parts, and what has been read and written.
 *
 * Holds:    a key is Aegis's index of a disk; above it, one more than that of the device which is a part of it. A disk is there if the session
 *           has the whole of it or a part.
 * Not here: what other sessions did to the same disk.
 */
#include "aegis/info.h"
#include "base/block.h"
#include "base/mem.h"
#include "fs/sysfs.h"

#define KEY_PART_SHIFT 16
#define DISKS_MAX (1u << KEY_PART_SHIFT)
#define DEVICES "devices/aegis/block/"

static unsigned
disk_of(uint64_t key)
{
    return key & (DISKS_MAX - 1);
}

static const volatile struct aeg_disk_info *
disk_info(uint64_t key)
{
    return aeg_info_entry(&AEG_INFO->disks, disk_of(key));
}

/* The session's device of that disk: the whole of it, or else a part. NULL: it has none. */
static const struct blkdev *
device_on(unsigned disk)
{
    const struct blkdev *d, *any = NULL;

    for (unsigned n = 0; (d = blkdev_at(n)) != NULL; n++) {
        if (d->disk == disk && (any == NULL || d->part == 0))
            any = d;
    }
    return any;
}

/* The device that a key is about; of a disk of which the session has parts alone: NULL. */
static const struct blkdev *
device_of(uint64_t key)
{
    const struct blkdev *d = key >> KEY_PART_SHIFT != 0 ? blkdev_at((unsigned)(key >> KEY_PART_SHIFT) - 1) : device_on(disk_of(key));

    return d != NULL && key >> KEY_PART_SHIFT == 0 && d->part != 0 ? NULL : d;
}

/* ---- sets ---- */

static bool
next_disk(uint64_t of, uint64_t *at, uint64_t *key)
{
    (void)of;
    while (*at < AEG_INFO->disks.count) {
        *key = (*at)++;
        if (device_on((unsigned)*key) != NULL)
            return true;
    }
    return false;
}

static bool
next_part(uint64_t of, uint64_t *at, uint64_t *key)
{
    const struct blkdev *d;

    while ((d = blkdev_at((unsigned)*at)) != NULL) {
        *key = of | ++*at << KEY_PART_SHIFT;
        if (d->disk == of && d->part != 0)
            return true;
    }
    return false;
}

/* Disks, then parts. */
static bool
next_block(uint64_t of, uint64_t *at, uint64_t *key)
{
    const struct blkdev *d;

    if (*at < DISKS_MAX && next_disk(of, at, key))
        return true;
    *at = MAX(*at, (uint64_t)DISKS_MAX);
    while ((d = blkdev_at((unsigned)(*at - DISKS_MAX))) != NULL) {
        *key = d->disk | (++*at - DISKS_MAX) << KEY_PART_SHIFT;
        if (d->part != 0)
            return true;
    }
    return false;
}

static void
block_name(uint64_t key, char name[GEN_NAME_MAX])
{
    const volatile char *disk = disk_info(key)->name;

    for (unsigned n = 0; n < GEN_NAME_MAX; n++)
        name[n] = n < sizeof(disk_info(key)->name) ? disk[n] : '\0';
    if (key >> KEY_PART_SHIFT != 0)
        fmt_print(name, GEN_NAME_MAX, "%s", device_of(key)->name);
}

static uint32_t
number_of(uint64_t key)
{
    const struct blkdev *d = device_of(key);

    return d != NULL ? d->number : BLK_MAJOR << 8 | disk_of(key) * BLK_DISK_MINORS;
}

static void
block_number(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "%u:%u", number_of(key) >> 8, number_of(key) & 0xff);
}

static const struct gen_set disks = { .next = next_disk, .name = block_name };
static const struct gen_set parts = { .next = next_part, .name = block_name };
static const struct gen_set blocks = { .next = next_block, .name = block_name };
static const struct gen_set numbers = { .next = next_block, .name = block_number };

/* ---- links ---- */

static ssize
link_device(const char *up, uint64_t key, char *buf, size_t size)
{
    char disk[GEN_NAME_MAX], part[GEN_NAME_MAX];

    block_name(disk_of(key), disk);
    block_name(key, part);
    return key >> KEY_PART_SHIFT != 0 ? fmt_print(buf, size, "%s" DEVICES "%s/%s", up, disk, part) : fmt_print(buf, size, "%s" DEVICES "%s", up, disk);
}

static ssize
link_block(uint64_t key, char *buf, size_t size)
{
    return link_device("../", key, buf, size);
}

static ssize
link_far(uint64_t key, char *buf, size_t size)
{
    return link_device("../../", key, buf, size);
}

static ssize
link_class(uint64_t key, char *buf, size_t size)
{
    return fmt_print(buf, size, key >> KEY_PART_SHIFT != 0 ? "../../../../../class/block" : "../../../../class/block");
}

/* ---- what they say ---- */

static uint64_t
sectors_of(uint64_t key)
{
    return key >> KEY_PART_SHIFT != 0 ? device_of(key)->sector_count : disk_info(key)->blocks;
}

static int
show_size(struct text_buf *t)
{
    text_print(t, "%lu\n", sectors_of(t->key));
    return 0;
}

static int
show_number(struct text_buf *t)
{
    text_print(t, "%u:%u\n", number_of(t->key) >> 8, number_of(t->key) & 0xff);
    return 0;
}

static int
show_read_only(struct text_buf *t)
{
    const struct blkdev *d = device_of(t->key);

    text_print(t, "%u\n", d != NULL && d->read_only);
    return 0;
}

static int
show_first(struct text_buf *t)
{
    text_print(t, "%lu\n", device_of(t->key)->first);
    return 0;
}

static int
show_part(struct text_buf *t)
{
    text_print(t, "%u\n", device_of(t->key)->part);
    return 0;
}

static int
show_uevent(struct text_buf *t)
{
    bool part = t->key >> KEY_PART_SHIFT != 0;
    char name[GEN_NAME_MAX];

    block_name(t->key, name);
    text_print(t, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\n", number_of(t->key) >> 8, number_of(t->key) & 0xff, name, part ? "partition" : "disk");
    if (part)
        text_print(t, "PARTN=%u\n", device_of(t->key)->part);
    return 0;
}

/* Requests and sectors of a device, or of all that the session has of a disk. How long they took is not known. */
static void
put_counts(struct text_buf *t, uint64_t key)
{
    uint64_t requests[BLK_DISCARD + 1] = { 0 }, sectors[BLK_DISCARD + 1] = { 0 };
    const struct blkdev *d;

    for (unsigned n = 0; (d = blkdev_at(n)) != NULL; n++) {
        if (d->disk != disk_of(key) || (key >> KEY_PART_SHIFT != 0 && d != device_of(key)))
            continue;
        for (unsigned op = 0; op <= BLK_DISCARD; op++) {
            requests[op] += d->requests[op];
            sectors[op] += d->sectors[op];
        }
    }
    text_print(t, "%8lu %8u %8lu %8u %8lu %8u %8lu %8u %8u %8u %8u", requests[BLK_READ], 0, sectors[BLK_READ], 0, requests[BLK_WRITE], 0,
               sectors[BLK_WRITE], 0, 0, 0, 0);
    text_print(t, " %8lu %8u %8lu %8u %8lu %8u\n", requests[BLK_DISCARD], 0, sectors[BLK_DISCARD], 0, requests[BLK_FLUSH], 0);
}

static int
show_counts(struct text_buf *t)
{
    put_counts(t, t->key);
    return 0;
}

int
sysfs_show_diskstats(struct text_buf *t)
{
    char name[GEN_NAME_MAX];

    for (uint64_t at = 0, key; next_block(0, &at, &key);) {
        block_name(key, name);
        text_print(t, "%4u %7u %s ", number_of(key) >> 8, number_of(key) & 0xff, name);
        put_counts(t, key);
    }
    return 0;
}

int
sysfs_show_partitions(struct text_buf *t)
{
    char name[GEN_NAME_MAX];

    text_print(t, "major minor  #blocks  name\n\n");
    for (uint64_t at = 0, key; next_block(0, &at, &key);) {
        block_name(key, name);
        text_print(t, "%4u  %7u %10lu %s\n", number_of(key) >> 8, number_of(key) & 0xff, sectors_of(key) / 2, name);
    }
    return 0;
}

#define OF_DISK(name, ...) { DEVICES "#/" name, { &disks }, __VA_ARGS__ }
#define OF_PART(name, ...) { DEVICES "#/#/" name, { &disks, &parts }, __VA_ARGS__ }
#define OF_BOTH(name, ...) OF_DISK(name, __VA_ARGS__), OF_PART(name, __VA_ARGS__)

static const struct gen_row rows[] = {
    { "block/#", { &disks }, .link = link_block },
    { "class/block/#", { &blocks }, .link = link_far },
    { "dev/block/#", { &numbers }, .link = link_far },
    OF_BOTH("dev", .show = show_number),
    OF_BOTH("size", .show = show_size),
    OF_BOTH("ro", .show = show_read_only),
    OF_BOTH("stat", .show = show_counts),
    OF_BOTH("inflight", .text = "       0        0\n"),
    OF_BOTH("uevent", .show = show_uevent),
    OF_BOTH("alignment_offset", .text = "0\n"),
    OF_BOTH("discard_alignment", .text = "0\n"),
    OF_BOTH("subsystem", .link = link_class),
    OF_PART("start", .show = show_first),
    OF_PART("partition", .show = show_part),
    OF_DISK("removable", .text = "0\n"),
    OF_DISK("hidden", .text = "0\n"),
    OF_DISK("range", .text = TEXT_OF(16)),
    OF_DISK("ext_range", .text = TEXT_OF(256)),
    OF_DISK("queue/hw_sector_size", .text = TEXT_OF(BLK_SECTOR)),
    OF_DISK("queue/logical_block_size", .text = TEXT_OF(BLK_SECTOR)),
    OF_DISK("queue/physical_block_size", .text = TEXT_OF(BLK_SECTOR)),
    OF_DISK("queue/minimum_io_size", .text = TEXT_OF(BLK_SECTOR)),
    OF_DISK("queue/optimal_io_size", .text = "0\n"),
    OF_DISK("queue/max_segments", .text = TEXT_OF(BLK_IO_PAGES_MAX)),
    OF_DISK("queue/max_hw_sectors_kb", .text = TEXT_OF(BLK_IO_KIB_MAX)),
    OF_DISK("queue/max_sectors_kb", .text = TEXT_OF(BLK_IO_KIB_MAX)),
    OF_DISK("queue/read_ahead_kb", .text = TEXT_OF(BLK_IO_KIB_MAX)),
    OF_DISK("queue/nr_requests", .text = TEXT_OF(BLK_REQUESTS_MAX)),
    OF_DISK("queue/discard_granularity", .text = "0\n"),
    OF_DISK("queue/discard_max_bytes", .text = "0\n"),
    OF_DISK("queue/discard_zeroes_data", .text = "0\n"),
    OF_DISK("queue/add_random", .text = "0\n"),
    OF_DISK("queue/iostats", .text = "1\n"),
    OF_DISK("queue/rotational", .text = "0\n"),
    OF_DISK("queue/scheduler", .text = "[none] \n"),
    OF_DISK("queue/write_cache", .text = "write back\n"),
    OF_DISK("queue/zoned", .text = "none\n"),
};

void
sysfs_add_blocks(void)
{
    gen_add(&sysfs, rows, ARRAY_SIZE(rows));
}
