/*
 * ext4_inode.c: inodes between the disk's table and memory; what happens to one that nobody names any more.
 *
 * Not here: an orphan list. An unlinked open file that a power cut catches is e2fsck's to free.
 */
#include "base/mem.h"
#include "fs/ext4.h"

static int
table_slot(struct ext4_fs *fs, uint32_t ino, struct page **page, struct ext4_dinode **out)
{
    uint32_t group = (ino - 1) / fs->inodes_per_group;
    uint64_t off;
    void *data;
    int err;

    if (ino == 0 || group >= fs->group_count)
        return ext4_bad(fs, "inode number out of range", ino);
    off = (uint64_t)((ino - 1) % fs->inodes_per_group) * fs->inode_size;
    err = meta_get(fs, group_inode_table(fs, group_desc(fs, group)) + (off >> fs->block_bits), page, &data);
    if (err == 0)
        *out = (struct ext4_dinode *)((uint8_t *)data + (off & (fs->block_size - 1)));
    return err;
}

/* Is the field inside what this inode says it has? */
#define HAS_EXTRA(fs, d, field) \
    ((fs)->inode_size > EXT4_INODE_SIZE_OLD && \
     offsetof(struct ext4_dinode, field) + sizeof((d)->field) <= EXT4_INODE_SIZE_OLD + (uint32_t)(d)->i_extra_isize)

static uint32_t
inode_sum(const struct ext4_inode *i, struct ext4_dinode *d)
{
    uint16_t lo = d->i_checksum_lo, hi = 0;
    bool wide = HAS_EXTRA(i->fs, d, i_checksum_hi);
    uint32_t sum;

    d->i_checksum_lo = 0;
    if (wide) {
        hi = d->i_checksum_hi;
        d->i_checksum_hi = 0;
    }
    sum = crc32c(i->csum_seed, d, i->fs->inode_size);
    d->i_checksum_lo = lo;
    if (wide)
        d->i_checksum_hi = hi;
    return sum;
}

static void
set_seed(struct ext4_inode *i)
{
    uint32_t ino = (uint32_t)i->vfs.ino;

    if (i->fs->csum)
        i->csum_seed = crc32c(crc32c(i->fs->csum_seed, &ino, 4), &i->generation, 4);
}

/* Seconds and the extra field: two more bits of seconds, thirty of nanoseconds. Times before 1970 become 1970. */
static uint64_t
time_in(uint32_t sec, uint32_t extra)
{
    int64_t s = (int32_t)sec;

    s += (int64_t)(extra & 3) << 32;
    if (s < 0)
        s = 0;
    return (uint64_t)s * NSEC_PER_SEC + MIN(extra >> 2, NSEC_PER_SEC - 1);
}

static uint32_t
time_extra(uint64_t ns)
{
    uint64_t s = ns / NSEC_PER_SEC;

    return (uint32_t)(((s - (uint64_t)(int64_t)(int32_t)s) >> 32) & 3) | (uint32_t)(ns % NSEC_PER_SEC) << 2;
}

static void
load_times(struct ext4_inode *i, const struct ext4_dinode *d)
{
    const struct ext4_fs *fs = i->fs;

    i->vfs.atime_ns = time_in(d->i_atime, HAS_EXTRA(fs, d, i_atime_extra) ? d->i_atime_extra : 0);
    i->vfs.mtime_ns = time_in(d->i_mtime, HAS_EXTRA(fs, d, i_mtime_extra) ? d->i_mtime_extra : 0);
    i->vfs.ctime_ns = time_in(d->i_ctime, HAS_EXTRA(fs, d, i_ctime_extra) ? d->i_ctime_extra : 0);
    if (HAS_EXTRA(fs, d, i_crtime_extra))
        i->vfs.btime_ns = time_in(d->i_crtime, d->i_crtime_extra);
}

static uint64_t
rdev_in(const struct ext4_dinode *d)
{
    uint32_t dev = d->i_block[1];

    if (d->i_block[0] != 0)
        return (uint64_t)(d->i_block[0] >> 8 & 0xff) << 8 | (d->i_block[0] & 0xff);
    return dev;
}

static int
load_fields(struct ext4_inode *i, const struct ext4_dinode *d)
{
    struct inode *v = &i->vfs;
    uint64_t size = d->i_size_lo;

    v->mode = d->i_mode;
    v->uid = d->i_uid_lo | (uint32_t)d->i_uid_hi << 16;
    v->gid = d->i_gid_lo | (uint32_t)d->i_gid_hi << 16;
    v->nlink = d->i_links_count;
    i->flags = d->i_flags;
    i->file_acl = d->i_file_acl_lo | (uint64_t)d->i_file_acl_hi << 32;
    memcpy(i->block, d->i_block, sizeof(i->block));
    v->blocks512 = d->i_blocks_lo;
    if (i->fs->super->s_feature_ro_compat & RO_HUGE_FILE)
        v->blocks512 |= (uint64_t)d->i_blocks_hi << 32;
    if (d->i_flags & INODE_HUGE_FL)
        v->blocks512 *= i->fs->block_size / 512;
    if (inode_is(v, S_IFREG) || inode_is(v, S_IFDIR))
        size |= (uint64_t)d->i_size_hi << 32;
    load_times(i, d);
    if (size > FILE_SIZE_MAX)
        return ext4_bad(i->fs, "file size out of range in inode", v->ino);
    if ((d->i_flags & INODE_INLINE_FL) || (d->i_flags & INODE_ENCRYPT_FL))
        return ext4_bad(i->fs, "inline or encrypted data in inode", v->ino);
    switch (v->mode & S_IFMT) {
    case S_IFREG:
        v->data.size = i->committed_size = size;
        v->data.ops = &ext4_data_ops;
        v->data.dev = i->fs->mnt->dev;
        v->data.block_shift = i->fs->block_bits;
        break;
    case S_IFCHR:
    case S_IFBLK:
        v->rdev = rdev_in(d);
        break;
    case S_IFDIR:
        if (size == 0 || size % i->fs->block_size != 0)
            return ext4_bad(i->fs, "directory size in inode", v->ino);
        v->size_dir = size;
        break;
    case S_IFLNK:
    case S_IFIFO:
    case S_IFSOCK:
        v->size_dir = size;
        break;
    default:
        return ext4_bad(i->fs, "file type in inode", v->ino);
    }
    return 0;
}

static struct ext4_inode *
new_in_memory(struct mount *m, uint64_t ino)
{
    struct ext4_inode *i = heap_alloc(sizeof(*i));

    if (i == NULL)
        return NULL;
    inode_init(&i->vfs, m, ino, &ext4_inode_ops);
    i->fs = m->priv;
    list_init(&i->reserve_link);
    list_init(&i->losing_link);
    list_init(&i->kept_link);
    i->born = UINT64_MAX;
    i->touched = i->fs->epoch;      /* evicted since it changed, perhaps */
    return i;
}

/* A cut may leave such names when names and inodes were not written in order; they can be removed, so it is no reason to mark the disk. */
static int
deleted(const struct ext4_fs *fs, uint64_t ino)
{
    log_print("ext4: %s: a name leads to a deleted inode (%lu); e2fsck is advised", fs->mnt->dev->name, ino);
    return -EUCLEAN;
}

static int
load(struct ext4_inode *i)
{
    struct ext4_fs *fs = i->fs;
    struct page *page;
    struct ext4_dinode *d;
    int err = table_slot(fs, (uint32_t)i->vfs.ino, &page, &d);

    if (err != 0)
        return err;
    i->generation = d->i_generation;
    set_seed(i);
    if (fs->inode_size > EXT4_INODE_SIZE_OLD) {
        i->extra_isize = d->i_extra_isize;
        if (i->extra_isize > fs->inode_size - EXT4_INODE_SIZE_OLD || i->extra_isize % 4 != 0)
            err = ext4_bad(fs, "extra size of inode", i->vfs.ino);
    }
    if (err == 0 && fs->csum) {
        uint32_t sum = inode_sum(i, d);

        if ((sum & 0xffff) != d->i_checksum_lo || (HAS_EXTRA(fs, d, i_checksum_hi) && sum >> 16 != d->i_checksum_hi))
            err = ext4_bad(fs, "inode checksum", i->vfs.ino);
    }
    if (err == 0 && d->i_links_count == 0)
        err = deleted(fs, i->vfs.ino);
    if (err == 0)
        err = load_fields(i, d);
    cache_unpin(page);
    return err;
}

int
ext4_inode_load(struct mount *m, uint64_t ino, struct inode **out)
{
    struct ext4_fs *fs = m->priv;
    struct ext4_inode *i;
    struct inode *there = inode_find(m, ino);
    int err;

    if (there != NULL) {
        *out = there;
        return 0;
    }
    if (ino == 0 || ino > fs->super->s_inodes_count || (ino != EXT4_ROOT_INO && ino < fs->first_ino))
        return ext4_bad(fs, "a name leads to inode", ino);
    i = new_in_memory(m, ino);
    if (i == NULL)
        return -ENOMEM;
    err = load(i);
    if (err != 0) {
        heap_free(i);
        return err;
    }
    *out = inode_insert(&i->vfs);
    if (*out != &i->vfs)
        heap_free(i);
    return 0;
}

int
ext4_inode_new(struct inode *dir, uint32_t mode, uint64_t rdev, struct ext4_inode **out)
{
    struct ext4_fs *fs = ext4_fs_of(dir);
    uint64_t now = clock_realtime_ns();
    struct ext4_inode *i;
    struct inode *there;
    uint32_t ino;
    int err = inode_alloc(fs, dir, (mode & S_IFMT) == S_IFDIR, &ino);

    if (err != 0)
        return err;
    i = new_in_memory(dir->mnt, ino);
    if (i == NULL) {
        inode_free(fs, ino, (mode & S_IFMT) == S_IFDIR);
        return -ENOMEM;
    }
    i->born = i->touched = fs->epoch;
    i->vfs.mode = mode;
    i->vfs.rdev = rdev;
    inode_born(&i->vfs, dir);
    i->vfs.atime_ns = i->vfs.mtime_ns = i->vfs.ctime_ns = i->vfs.btime_ns = now;
    i->generation = __atomic_fetch_add(&fs->next_generation, 1, __ATOMIC_RELAXED);
    if (fs->inode_size > EXT4_INODE_SIZE_OLD)
        i->extra_isize = sizeof(struct ext4_dinode) - EXT4_INODE_SIZE_OLD;
    set_seed(i);
    if ((mode & S_IFMT) == S_IFREG) {
        i->vfs.data.ops = &ext4_data_ops;
        i->vfs.data.dev = fs->mnt->dev;
        i->vfs.data.block_shift = fs->block_bits;
    }
    if (fs->extents && ((mode & S_IFMT) == S_IFREG || (mode & S_IFMT) == S_IFDIR)) {
        i->flags = INODE_EXTENTS_FL;
        extent_root_init(i);
    } else if ((mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK) {
        i->block[1] = (uint32_t)rdev;
    }
    there = inode_insert(&i->vfs);
    if (there != &i->vfs) {             /* the bitmap is wrong; the number stays taken */
        inode_put(there);
        heap_free(i);
        return ext4_stop(fs, "inode bitmap has an inode in use as free", ino);
    }
    inode_changed(&i->vfs);
    *out = i;
    return 0;
}

static void
store_times(const struct ext4_inode *i, struct ext4_dinode *d)
{
    const struct ext4_fs *fs = i->fs;
    const struct inode *v = &i->vfs;

    d->i_atime = (uint32_t)(v->atime_ns / NSEC_PER_SEC);
    d->i_mtime = (uint32_t)(v->mtime_ns / NSEC_PER_SEC);
    d->i_ctime = (uint32_t)(v->ctime_ns / NSEC_PER_SEC);
    if (HAS_EXTRA(fs, d, i_atime_extra))
        d->i_atime_extra = time_extra(v->atime_ns);
    if (HAS_EXTRA(fs, d, i_mtime_extra))
        d->i_mtime_extra = time_extra(v->mtime_ns);
    if (HAS_EXTRA(fs, d, i_ctime_extra))
        d->i_ctime_extra = time_extra(v->ctime_ns);
    if (HAS_EXTRA(fs, d, i_crtime_extra)) {
        d->i_crtime = (uint32_t)(v->btime_ns / NSEC_PER_SEC);
        d->i_crtime_extra = time_extra(v->btime_ns);
    }
}

static void
store_blocks(struct ext4_inode *i, struct ext4_dinode *d)
{
    uint64_t n = i->vfs.blocks512;

    i->flags &= ~(uint32_t)INODE_HUGE_FL;
    if (n > 0xffffffffffffull) {
        n /= i->fs->block_size / 512;
        i->flags |= INODE_HUGE_FL;
    }
    d->i_blocks_lo = (uint32_t)n;
    d->i_blocks_hi = (uint16_t)(n >> 32);
    d->i_flags = i->flags;
}

static void
store_fields(struct ext4_inode *i, struct ext4_dinode *d)
{
    const struct inode *v = &i->vfs;
    uint64_t size = inode_size(v);

    d->i_mode = (uint16_t)v->mode;
    d->i_uid_lo = (uint16_t)v->uid;
    d->i_uid_hi = (uint16_t)(v->uid >> 16);
    d->i_gid_lo = (uint16_t)v->gid;
    d->i_gid_hi = (uint16_t)(v->gid >> 16);
    d->i_links_count = (uint16_t)MIN(v->nlink + i->lost, 65535u);
    d->i_size_lo = (uint32_t)size;
    if (inode_is(v, S_IFREG) || inode_is(v, S_IFDIR))
        d->i_size_hi = (uint32_t)(size >> 32);
    d->i_generation = i->generation;
    d->i_file_acl_lo = (uint32_t)i->file_acl;
    d->i_file_acl_hi = (uint16_t)(i->file_acl >> 32);
    memcpy(d->i_block, i->block, sizeof(i->block));
    if (i->fs->inode_size > EXT4_INODE_SIZE_OLD)
        d->i_extra_isize = (uint16_t)i->extra_isize;
    store_blocks(i, d);
    store_times(i, d);
    d->i_dtime = v->nlink + i->lost == 0 ? (uint32_t)(clock_realtime_ns() / NSEC_PER_SEC) : 0;
}

static void
store_sum(struct ext4_inode *i, struct ext4_dinode *d)
{
    uint32_t sum;

    if (!i->fs->csum)
        return;
    sum = inode_sum(i, d);
    d->i_checksum_lo = (uint16_t)sum;
    if (HAS_EXTRA(i->fs, d, i_checksum_hi))
        d->i_checksum_hi = (uint16_t)(sum >> 16);
}

int
ext4_write_inode(struct inode *v)
{
    struct ext4_inode *i = ext4_inode(v);
    struct ext4_fs *fs = i->fs;
    struct page *page;
    struct ext4_dinode *d;
    int err = table_slot(fs, (uint32_t)v->ino, &page, &d);

    if (err != 0)
        return err;
    if (d->i_generation != i->generation || d->i_links_count == 0)
        memset(d, 0, fs->inode_size);   /* the slot's last owner is gone, or there was none */
    store_fields(i, d);
    store_sum(i, d);
    i->committed_size = inode_size(v);
    meta_dirty(fs, page, d, META_INODES);
    cache_unpin(page);
    if (inode_size(v) > 0x7fffffff && inode_is(v, S_IFREG))
        fs->super->s_feature_ro_compat |= RO_LARGE_FILE;
    return 0;
}

uint32_t
ext4_inode_area_size(const struct ext4_inode *i)
{
    return i->fs->inode_size > EXT4_INODE_SIZE_OLD ? i->fs->inode_size - EXT4_INODE_SIZE_OLD - i->extra_isize : 0;
}

static uint8_t *
area_of(const struct ext4_inode *i, struct ext4_dinode *d)
{
    return (uint8_t *)d + EXT4_INODE_SIZE_OLD + i->extra_isize;
}

int
ext4_inode_area_read(struct ext4_inode *i, uint8_t *area)
{
    struct ext4_dinode *d;
    struct page *page;
    int err = table_slot(i->fs, (uint32_t)i->vfs.ino, &page, &d);

    if (err != 0)
        return err;
    if (d->i_generation == i->generation && d->i_links_count != 0)
        memcpy(area, area_of(i, d), ext4_inode_area_size(i));
    else
        memset(area, 0, ext4_inode_area_size(i));
    cache_unpin(page);
    return 0;
}

int
ext4_inode_area_write(struct ext4_inode *i, const uint8_t *area)
{
    struct ext4_dinode *d;
    struct page *page;
    int err = ext4_write_inode(&i->vfs);

    if (err == 0)
        err = table_slot(i->fs, (uint32_t)i->vfs.ino, &page, &d);
    if (err != 0)
        return err;
    memcpy(area_of(i, d), area, ext4_inode_area_size(i));
    store_sum(i, d);
    commit_touch(i);
    meta_dirty(i->fs, page, d, META_INODES);
    cache_unpin(page);
    return 0;
}

static bool
is_fast_link(const struct ext4_inode *i)
{
    return inode_is(&i->vfs, S_IFLNK) && i->vfs.size_dir < sizeof(i->block) && !(i->flags & INODE_EXTENTS_FL);
}

int
ext4_inode_free_blocks(struct ext4_inode *i)
{
    struct inode *v = &i->vfs;
    int err = 0;

    own_take(&v->map_own);
    if (inode_is(v, S_IFREG) || inode_is(v, S_IFDIR) || (inode_is(v, S_IFLNK) && !is_fast_link(i)))
        err = map_free(i, 0, UINT32_MAX);
    own_drop(&v->map_own);
    return err;
}

static void
keep_on_disk(struct inode *v)
{
    if (v->data.dirty_count + v->data.writing > 0 && cache_sync(&v->data) != 0)
        log_print("ext4: %s: data of inode %lu lost on write-back", v->mnt->dev->name, v->ino);
    if (v->dirty && ext4_inode(v)->fs->writing && ext4_write_inode(v) != 0)
        log_print("ext4: %s: inode %lu could not be written", v->mnt->dev->name, v->ino);
}

#define TRIES_MAX 20
#define TRY_NS 10000000ull

bool
memory_may_come(int err, unsigned *tries)
{
    if (err != -ENOMEM || ++*tries > TRIES_MAX)
        return false;
    (void)!wait_sleep(&waitq_nobody, NULL, clock_monotonic_ns() + TRY_NS, 0);
    return true;
}

static void
free_on_disk(struct ext4_inode *i)
{
    struct inode *v = &i->vfs;
    bool directory = inode_is(v, S_IFDIR);
    unsigned tries = 0;
    int err;

    cache_truncate(&v->data, 0, UINT64_MAX);
    do
        err = ext4_inode_free_blocks(i);
    while (memory_may_come(err, &tries));
    if (err != 0)
        log_print("ext4: %s: blocks of deleted inode %lu lost", v->mnt->dev->name, v->ino);
    ext4_xattr_drop_block(i);
    if (inode_is(v, S_IFREG))
        v->data.size = 0;
    else
        v->size_dir = 0;
    do
        err = ext4_write_inode(v);
    while (memory_may_come(err, &tries));
    if (err == 0)
        inode_free(i->fs, (uint32_t)v->ino, directory);
}

void
ext4_evict(struct inode *v)
{
    struct ext4_inode *i = ext4_inode(v);

    change_begin_inner(i->fs);
    reserve_drop(i);
    if (v->nlink > 0 || v->mnt->read_only)
        keep_on_disk(v);
    else
        free_on_disk(i);
    change_end(i->fs);
}

void
ext4_last_close(struct inode *v)
{
    struct ext4_inode *i = ext4_inode(v);

    if (i->reserve_len == 0)
        return;
    change_begin_inner(i->fs);
    reserve_drop(i);
    change_end(i->fs);
}
