/*
 * ext4_super.c: mounting and unmounting: is this a file system we understand, and can we write it?
 *
 * Holds:    while mounted for writing the VALID bit of s_state is clear on disk; unmount sets it again when everything is written.
 */
#include "base/mem.h"
#include "fs/cache_priv.h"
#include "fs/ext4.h"

#define SETTLE_MAX 4                    /* commits at unmount, each for what the one before set free */

int
ext4_bad(struct ext4_fs *fs, const char *what, uint64_t where)
{
    log_print("ext4: %s: damaged: %s (%lu)", fs->mnt->dev->name, what, where);
    if (fs->writing)
        fs->super->s_state |= EXT4_STATE_ERROR;
    return -EUCLEAN;
}

int
ext4_stop(struct ext4_fs *fs, const char *what, uint64_t where)
{
    ext4_bad(fs, what, where);
    if (!fs->mnt->read_only)
        log_print("ext4: %s: read-only from now on: run e2fsck", fs->mnt->dev->name);
    fs->mnt->read_only = true;
    return -EUCLEAN;
}

void
ext4_fail(struct ext4_fs *fs)
{
    uint32_t at = EXT4_SUPER_OFFSET / BLK_SECTOR, sectors = sizeof(struct ext4_super) / BLK_SECTOR;

    fs->failed = true;
    (void)ext4_stop(fs, "a commit could not be written, the disk failed", fs->epoch);
    super_write(fs);
    if (cache_io_piece(fs->space, BLK_WRITE, fs->super_page, at, sectors, at) != 0)
        log_print("ext4: %s: it could not be marked as damaged", fs->mnt->dev->name);
}

int
meta_get(struct ext4_fs *fs, uint64_t block, struct page **page, void **data)
{
    uint64_t off = block << fs->block_bits;
    int err;

    if (block >= fs->block_count)
        return ext4_bad(fs, "block number out of range", block);
    *page = cache_find(fs->space, off >> PAGE_SHIFT);
    if (*page == NULL) {
        err = cache_get(fs->space, off >> PAGE_SHIFT, NULL, page);
        if (err != 0)
            return err;
    }
    *data = (*page)->data + (off & PAGE_MASK);
    return 0;
}

int
meta_get_zeroed(struct ext4_fs *fs, uint64_t block, struct page **page, void **data)
{
    uint64_t off = block << fs->block_bits;
    int err;

    if (block >= fs->block_count)
        return ext4_bad(fs, "block number out of range", block);
    err = fs->block_bits == PAGE_SHIFT ? cache_get_zeroed(fs->space, off >> PAGE_SHIFT, page)
                                       : cache_get(fs->space, off >> PAGE_SHIFT, NULL, page);
    if (err != 0)
        return err;
    (*page)->sector = (off >> PAGE_SHIFT) * (PAGE_SIZE / BLK_SECTOR);
    *data = (*page)->data + (off & PAGE_MASK);
    memset(*data, 0, fs->block_size);
    return 0;
}

static bool
meta_is_dirty(const struct ext4_fs *fs, const struct page *page, uint32_t off)
{
    return ((page->dirty >> (off / BLK_SECTOR)) & ((1u << (fs->block_size / BLK_SECTOR)) - 1)) != 0;
}

/* What a changed block is to the next commit; one that is dirty already may have been given a special place. */
static enum meta_order
order_for(enum meta_kind kind, bool dirty, enum meta_order now)
{
    switch (kind) {
    case META_EXTENT:
    case META_TABLE:
        return dirty && (now == ORDER_FIRST || now == ORDER_AFTER_INODES) ? now : ORDER_INODES;
    case META_INODES:
        return ORDER_INODES;
    case META_DIR:
        return dirty && (now == ORDER_AFTER_INODES || now == ORDER_DIRS_GAIN || now == ORDER_DIRS_LOSE) ? now : ORDER_DIRS;
    default:
        return ORDER_FIRST;
    }
}

void
meta_dirty(struct ext4_fs *fs, struct page *page, const void *data, enum meta_kind kind)
{
    uint32_t off = (uint32_t)((const uint8_t *)data - page->data) & ~(fs->block_size - 1);

    page->kind = (uint8_t)kind;
    page->order[off >> fs->block_bits] = (uint8_t)order_for(kind, meta_is_dirty(fs, page, off), page->order[off >> fs->block_bits]);
    cache_dirty(page, off, fs->block_size);
}

void
meta_set_order(struct ext4_fs *fs, struct page *page, const void *data, enum meta_order order)
{
    page->order[(uint32_t)((const uint8_t *)data - page->data) >> fs->block_bits] = (uint8_t)order;
}

enum meta_order
meta_get_order(struct ext4_fs *fs, struct page *page, const void *data)
{
    uint32_t off = (uint32_t)((const uint8_t *)data - page->data) & ~(fs->block_size - 1);

    return meta_is_dirty(fs, page, off) ? page->order[off >> fs->block_bits] : ORDER_DIRS;
}

static void
make_sum(struct ext4_fs *fs, void *data, enum meta_kind kind, uint32_t arg)
{
    if (kind == META_DIR)
        dir_sum(fs, data, arg);
    else
        bitmap_sum_store(fs, arg, data, kind == META_INODE_BITMAP);
}

void
meta_sum(struct ext4_fs *fs, struct page *page, void *data, enum meta_kind kind, uint32_t arg)
{
    if (!fs->csum)
        return;
    if (fs->block_bits < PAGE_SHIFT) {
        make_sum(fs, data, kind, arg);
        return;
    }
    page->sum_arg = arg;
    page->unsummed = true;
}

/* A metadata page is about to be written: the checksum that was put off. A bitmap's makes its group's descriptor dirty again. */
static void
before_write(struct cache_space *s, struct page *p)
{
    struct ext4_fs *fs = s->owner;

    p->unsummed = false;
    if (p->kind != META_DIR && p->kind != META_BLOCK_BITMAP && p->kind != META_INODE_BITMAP)
        return;                         /* the block has become something else */
    make_sum(fs, p->data, p->kind, p->sum_arg);
    if (p->kind != META_DIR)
        group_changed(fs, p->sum_arg);
}

static int
refuse(const struct blkdev *dev, const char *why)
{
    log_print("ext4: %s: not mounted: %s", dev->name, why);
    return -EUCLEAN;
}

/* Numbers that the rest relies on. NULL, or what is wrong. */
static const char *
geometry_fault(const struct ext4_super *s, const struct blkdev *dev)
{
    uint64_t blocks = s->s_blocks_count_lo | ((s->s_feature_incompat & INCOMPAT_64BIT) ? (uint64_t)s->s_blocks_count_hi << 32 : 0);
    uint32_t bits = s->s_log_block_size + 10, block_size = 1024u << (s->s_log_block_size & 3);
    uint32_t inode_size = s->s_rev_level == 0 ? EXT4_INODE_SIZE_OLD : s->s_inode_size;

    if (s->s_magic != EXT4_MAGIC)
        return "no ext4 superblock";
    if (s->s_log_block_size > 2)
        return "block size above 4 KiB";
    if (s->s_blocks_per_group < 8 || s->s_blocks_per_group > block_size * 8 || s->s_blocks_per_group % 8 != 0)
        return "blocks per group out of range";
    if (inode_size < EXT4_INODE_SIZE_OLD || inode_size > block_size || (inode_size & (inode_size - 1)) != 0)
        return "inode size out of range";
    if (s->s_inodes_per_group < block_size / inode_size || s->s_inodes_per_group > block_size * 8 ||
        s->s_inodes_per_group % (block_size / inode_size) != 0)
        return "inodes per group out of range";
    if (s->s_first_data_block != (block_size == 1024 ? 1 : 0))
        return "first data block out of range";
    if (blocks <= s->s_first_data_block || blocks > dev->sector_count >> (bits - 9) || blocks >> 48 != 0)
        return "larger than the device";
    if ((blocks - s->s_first_data_block + s->s_blocks_per_group - 1) / s->s_blocks_per_group * s->s_inodes_per_group !=
        s->s_inodes_count)
        return "inode count does not fit the groups";
    if ((s->s_feature_incompat & INCOMPAT_64BIT) && s->s_desc_size != sizeof(struct ext4_group))
        return "descriptor size out of range";
    if (s->s_rev_level > 0 && (s->s_first_ino < EXT4_GOOD_OLD_FIRST_INO || s->s_first_ino > s->s_inodes_per_group))
        return "first inode out of range";
    return NULL;
}

static uint32_t
super_checksum(const struct ext4_super *s)
{
    return crc32c(~0u, s, offsetof(struct ext4_super, s_checksum));
}

/* What forbids writing; NULL: nothing. */
static const char *
why_read_only(const struct ext4_fs *fs, const struct blkdev *dev)
{
    const struct ext4_super *s = fs->super;

    if (s->s_feature_incompat & INCOMPAT_RECOVER)
        return "its journal must be replayed first (e2fsck)";
    if (s->s_feature_incompat & INCOMPAT_LARGEDIR)
        return "large directories";
    if (s->s_feature_ro_compat & ~(uint32_t)RO_SUPPORTED)
        return "features that this system can only read";
    if (s->s_state & EXT4_STATE_ERROR)
        return "it was marked as damaged (run e2fsck)";
    return dev->read_only ? "the disk cannot be written" : NULL;
}

/* Decides between reading and writing, and refuses what cannot even be read. */
static int
check_features(struct ext4_fs *fs, const struct blkdev *dev)
{
    const struct ext4_super *s = fs->super;
    const char *why;

    if (s->s_feature_incompat & ~(uint32_t)(INCOMPAT_SUPPORTED | INCOMPAT_RECOVER | INCOMPAT_LARGEDIR)) {
        log_print("ext4: %s: unsupported features %x", dev->name, s->s_feature_incompat & ~(uint32_t)INCOMPAT_SUPPORTED);
        return refuse(dev, "made with features that this system does not know");
    }
    if (fs->csum && s->s_checksum != super_checksum(s))
        return refuse(dev, "superblock checksum is wrong");
    why = why_read_only(fs, dev);
    if (why != NULL) {
        log_print("ext4: %s: mounted read-only: %s", dev->name, why);
        fs->mnt->read_only = true;
    }
    fs->unclean = !(s->s_state & EXT4_STATE_VALID);
    if (fs->unclean)
        log_print("ext4: %s: was not unmounted cleanly: running e2fsck is advised", dev->name);
    return 0;
}

static void
read_geometry(struct ext4_fs *fs)
{
    const struct ext4_super *s = fs->super;
    bool wide = (s->s_feature_incompat & INCOMPAT_64BIT) != 0;

    fs->block_bits = s->s_log_block_size + 10;
    fs->block_size = 1u << fs->block_bits;
    fs->block_count = s->s_blocks_count_lo | (wide ? (uint64_t)s->s_blocks_count_hi << 32 : 0);
    fs->free_blocks = s->s_free_blocks_count_lo | (wide ? (uint64_t)s->s_free_blocks_count_hi << 32 : 0);
    fs->free_inodes = s->s_free_inodes_count;
    fs->blocks_per_group = s->s_blocks_per_group;
    fs->inodes_per_group = s->s_inodes_per_group;
    fs->inode_size = s->s_rev_level == 0 ? EXT4_INODE_SIZE_OLD : s->s_inode_size;
    fs->first_ino = s->s_rev_level == 0 ? EXT4_GOOD_OLD_FIRST_INO : s->s_first_ino;
    fs->desc_size = wide ? sizeof(struct ext4_group) : EXT4_GROUP_SIZE_OLD;
    fs->group_count = (uint32_t)((fs->block_count - s->s_first_data_block + fs->blocks_per_group - 1) / fs->blocks_per_group);
    fs->csum = (s->s_feature_ro_compat & RO_METADATA_CSUM) != 0;
    fs->gdt_csum = !fs->csum && (s->s_feature_ro_compat & RO_GDT_CSUM) != 0;
    fs->filetype = (s->s_feature_incompat & INCOMPAT_FILETYPE) != 0;
    fs->extents = (s->s_feature_incompat & INCOMPAT_EXTENTS) != 0;
    fs->csum_seed = (s->s_feature_incompat & INCOMPAT_CSUM_SEED) ? s->s_checksum_seed : crc32c(~0u, s->s_uuid, sizeof(s->s_uuid));
}

/* Every descriptor must point inside the device. */
static int
check_groups(struct ext4_fs *fs)
{
    uint32_t table_blocks = fs->inodes_per_group * fs->inode_size / fs->block_size;

    for (uint32_t g = 0; g < fs->group_count; g++) {
        const struct ext4_group *d = group_desc(fs, g);
        uint64_t b = group_block_bitmap(fs, d), i = group_inode_bitmap(fs, d), t = group_inode_table(fs, d);

        if (b == 0 || i == 0 || t == 0 || b >= fs->block_count || i >= fs->block_count || t + table_blocks > fs->block_count)
            return ext4_bad(fs, "group descriptor points outside the device", g);
        if (group_free_blocks(fs, d) > group_block_count(fs, g) || group_free_inodes(fs, d) > fs->inodes_per_group ||
            group_itable_unused(fs, d) > fs->inodes_per_group)
            return ext4_bad(fs, "group descriptor counts more free than there is", g);
    }
    return 0;
}

/* After a cut the superblock's counts are the oldest. */
static void
recount(struct ext4_fs *fs)
{
    fs->free_blocks = fs->free_inodes = 0;
    for (uint32_t g = 0; g < fs->group_count; g++) {
        fs->free_blocks += group_free_blocks(fs, group_desc(fs, g));
        fs->free_inodes += group_free_inodes(fs, group_desc(fs, g));
    }
}

/* Pins the descriptor table. */
static int
load_groups(struct ext4_fs *fs)
{
    uint64_t start = (uint64_t)(fs->super->s_first_data_block + 1) << fs->block_bits;
    uint64_t end = start + (uint64_t)fs->group_count * fs->desc_size;
    uint32_t count = (uint32_t)(((end - 1) >> PAGE_SHIFT) - (start >> PAGE_SHIFT) + 1);
    int err;

    if (end > fs->block_count << fs->block_bits)
        return ext4_bad(fs, "descriptor table does not fit", fs->group_count);
    fs->gdt = count * sizeof(fs->gdt[0]) <= 65536 ? heap_alloc(count * sizeof(fs->gdt[0])) : NULL;
    if (fs->gdt == NULL)
        return -ENOMEM;
    for (; fs->gdt_pages < count; fs->gdt_pages++) {
        err = cache_get(fs->space, (start >> PAGE_SHIFT) + fs->gdt_pages, NULL, &fs->gdt[fs->gdt_pages]);
        if (err != 0)
            return err;
    }
    return check_groups(fs);
}

void
super_write(struct ext4_fs *fs)
{
    struct ext4_super *s = fs->super;

    if (s->s_free_blocks_count_lo == (uint32_t)fs->free_blocks && s->s_free_inodes_count == fs->free_inodes &&
        fs->written_state == s->s_state + 1u)
        return;
    fs->written_state = s->s_state + 1u;
    s->s_free_blocks_count_lo = (uint32_t)fs->free_blocks;
    if (s->s_feature_incompat & INCOMPAT_64BIT)
        s->s_free_blocks_count_hi = (uint32_t)(fs->free_blocks >> 32);
    s->s_free_inodes_count = fs->free_inodes;
    s->s_wtime = (uint32_t)(clock_realtime_ns() / NSEC_PER_SEC);
    if (fs->csum)
        s->s_checksum = super_checksum(s);
    meta_dirty(fs, fs->super_page, s, META_RAW);
}

static int
ext4_sync(struct mount *m, bool wait)
{
    struct ext4_fs *fs = m->priv;

    if (!fs->writing || (!wait && list_empty(&m->dirty) && fs->space->dirty_count == 0))
        return 0;
    return ext4_commit(fs);
}

static void
ext4_statfs(struct mount *m, struct fs_stat *out)
{
    struct ext4_fs *fs = m->priv;
    const struct ext4_super *s = fs->super;
    uint64_t reserved = s->s_r_blocks_count_lo | ((s->s_feature_incompat & INCOMPAT_64BIT) ? (uint64_t)s->s_r_blocks_count_hi << 32 : 0);
    uint64_t table_blocks = (uint64_t)fs->inodes_per_group * fs->inode_size >> fs->block_bits;

    out->type = EXT4_MAGIC;
    out->block_size = fs->block_size;
    out->blocks = fs->block_count - s->s_first_data_block - (table_blocks + 2) * fs->group_count;
    out->free_blocks = fs->free_blocks + fs->freed_blocks;
    out->avail_blocks = out->free_blocks > reserved ? out->free_blocks - reserved : 0;
    out->files = s->s_inodes_count;
    out->free_files = fs->free_inodes;
    memcpy(&out->fsid, s->s_uuid, 8);
}

static void
release(struct ext4_fs *fs)
{
    for (uint32_t i = 0; i < fs->gdt_pages; i++)
        cache_unpin(fs->gdt[i]);
    heap_free(fs->gdt);
    if (fs->super_page != NULL)
        cache_unpin(fs->super_page);
    cache_truncate(fs->space, 0, UINT64_MAX);
    fs->space->block_shift = PAGE_SHIFT;
    fs->space->before_write = NULL;
    fs->space->ordered = false;
    commit_end(fs);
    heap_free(fs);
}

static int
ext4_unmount(struct mount *m)
{
    struct ext4_fs *fs = m->priv;
    int err, err2;

    while (!list_empty(&fs->reserving))
        reserve_drop(container_of(fs->reserving.next, struct ext4_inode, reserve_link));
    err = ext4_sync(m, true);
    for (int n = 0; n < SETTLE_MAX && err == 0 && fs->space->dirty_count > 0; n++)
        err = ext4_sync(m, true);       /* what waited for the one before */
    if (fs->writing && !fs->failed) {
        if (err == 0 && !fs->unclean)   /* else e2fsck is still wanted */
            fs->super->s_state |= EXT4_STATE_VALID;
        super_write(fs);
        err2 = cache_sync(fs->space);
        err = err != 0 ? err : err2;
        err2 = blk_flush(m->dev);
        err = err != 0 ? err : err2;
    }
    release(fs);
    m->priv = NULL;
    return err;
}

static int
read_super(struct ext4_fs *fs, struct blkdev *dev)
{
    const char *fault;
    int err;

    if (dev->sector_count < 8)
        return refuse(dev, "device too small");
    err = cache_get(fs->space, 0, NULL, &fs->super_page);
    if (err != 0)
        return err;
    fs->super = (struct ext4_super *)(fs->super_page->data + EXT4_SUPER_OFFSET);
    fault = geometry_fault(fs->super, dev);
    if (fault != NULL)
        return refuse(dev, fault);
    read_geometry(fs);
    return check_features(fs, dev);
}

static int
begin_writing(struct ext4_fs *fs)
{
    struct ext4_super *s = fs->super;
    int err;

    fs->writing = true;
    s->s_state &= (uint16_t)~EXT4_STATE_VALID;
    s->s_mtime = (uint32_t)(clock_realtime_ns() / NSEC_PER_SEC);
    s->s_mnt_count++;
    super_write(fs);
    err = cache_sync(fs->space);
    return err != 0 ? err : blk_flush(fs->mnt->dev);
}

/* Once written to, it stays so on disk (its VALID bit is clear) until it is unmounted. */
static int
ext4_remount(struct mount *m, bool read_only)
{
    struct ext4_fs *fs = m->priv;

    if (read_only)
        return ext4_sync(m, true);
    if (why_read_only(fs, m->dev) != NULL)
        return -EROFS;
    if (fs->writing)
        return 0;
    fs->space->ordered = true;
    return begin_writing(fs);
}

static const struct fs_ops ext4_ops = {
    .name = "ext4", .sync = ext4_sync, .fsync = ext4_fsync, .unmount = ext4_unmount, .statfs = ext4_statfs, .remount = ext4_remount,
};

int
ext4_mount(struct blkdev *dev, bool read_only, struct mount **out)
{
    struct mount *m = mount_new(&ext4_ops);
    struct ext4_fs *fs = heap_alloc(sizeof(*fs));
    int err = -ENOMEM;

    if (m == NULL || fs == NULL || (m->dev_space = blkdev_space(dev)) == NULL)
        goto fail;
    m->dev = dev;
    m->dev_id = dev->number;
    m->read_only = read_only || dev->read_only;
    m->priv = fs;
    fs->mnt = m;
    fs->next_generation = (uint32_t)random_u64();
    fs->space = m->dev_space;
    fs->space->size = dev->sector_count * BLK_SECTOR;
    own_init(&fs->own, LOCK_RANK_FS);
    list_init(&fs->reserving);
    commit_init(fs);
    err = read_super(fs, dev);
    if (err == 0) {
        fs->space->block_shift = fs->block_bits;
        fs->space->ordered = !m->read_only;
        fs->space->owner = fs;
        fs->space->before_write = before_write;
        err = load_groups(fs);
    }
    if (err == 0 && fs->unclean)
        recount(fs);
    if (err == 0 && !m->read_only)
        err = begin_writing(fs);
    if (err == 0)
        err = ext4_inode_load(m, EXT4_ROOT_INO, &m->root);
    if (err == 0 && !inode_is(m->root, S_IFDIR))
        err = ext4_bad(fs, "root is not a directory", EXT4_ROOT_INO);
    if (err == 0) {
        *out = m;
        return 0;
    }
    inode_put(m->root);
    icache_reclaim(m, UINT64_MAX);
    release(fs);
    fs = NULL;
fail:
    heap_free(fs);
    heap_free(m);
    return err;
}
