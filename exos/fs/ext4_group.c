/*
 * ext4_group.c: block groups: descriptors, their checksums, and the two bitmaps of each.
 *
 * Holds:    the descriptor table is pinned; descriptors are read and changed in place.
 * Locks:    the allocator (fs->own) for all that changes; single fields may be read without.
 */
#include "fs/ext4.h"

#define WIDE(fs) ((fs)->desc_size >= sizeof(struct ext4_group))

struct ext4_group *
group_desc(struct ext4_fs *fs, uint32_t group)
{
    uint64_t off = ((uint64_t)(fs->super->s_first_data_block + 1) << fs->block_bits) + (uint64_t)group * fs->desc_size;
    uint64_t first = (uint64_t)(fs->super->s_first_data_block + 1) << fs->block_bits >> PAGE_SHIFT;

    return (struct ext4_group *)(fs->gdt[(off >> PAGE_SHIFT) - first]->data + (off & PAGE_MASK));
}

/* A descriptor changed: its checksum, and its block is dirty. */
void
group_changed(struct ext4_fs *fs, uint32_t group)
{
    struct ext4_group *d = group_desc(fs, group);
    uint64_t first = (uint64_t)(fs->super->s_first_data_block + 1) << fs->block_bits;
    uint64_t off = first + (uint64_t)group * fs->desc_size;
    uint32_t sum_at = offsetof(struct ext4_group, bg_checksum);

    if (fs->csum) {
        uint32_t crc = crc32c(fs->csum_seed, &group, 4);

        d->bg_checksum = 0;
        d->bg_checksum = (uint16_t)crc32c(crc, d, fs->desc_size);
    } else if (fs->gdt_csum) {
        uint16_t crc = crc16(0xffff, fs->super->s_uuid, 16);

        crc = crc16(crc, &group, 4);
        crc = crc16(crc, d, sum_at);
        if (fs->desc_size > sum_at + 2)
            crc = crc16(crc, (uint8_t *)d + sum_at + 2, fs->desc_size - sum_at - 2);
        d->bg_checksum = crc;
    }
    meta_dirty(fs, fs->gdt[(off >> PAGE_SHIFT) - (first >> PAGE_SHIFT)], d, META_RAW);
}

uint64_t
group_block_bitmap(const struct ext4_fs *fs, const struct ext4_group *g)
{
    return g->bg_block_bitmap_lo | (WIDE(fs) ? (uint64_t)g->bg_block_bitmap_hi << 32 : 0);
}

uint64_t
group_inode_bitmap(const struct ext4_fs *fs, const struct ext4_group *g)
{
    return g->bg_inode_bitmap_lo | (WIDE(fs) ? (uint64_t)g->bg_inode_bitmap_hi << 32 : 0);
}

uint64_t
group_inode_table(const struct ext4_fs *fs, const struct ext4_group *g)
{
    return g->bg_inode_table_lo | (WIDE(fs) ? (uint64_t)g->bg_inode_table_hi << 32 : 0);
}

#define GROUP_COUNT(name, field)                                                                \
    uint32_t group_##name(const struct ext4_fs *fs, const struct ext4_group *g)                 \
    {                                                                                           \
        return g->field##_lo | (WIDE(fs) ? (uint32_t)g->field##_hi << 16 : 0);                  \
    }
#define GROUP_ADD(name, field)                                                                  \
    void group_add_##name(const struct ext4_fs *fs, struct ext4_group *g, int delta)            \
    {                                                                                           \
        uint32_t n = group_##name(fs, g) + (uint32_t)delta;                                     \
        g->field##_lo = (uint16_t)n;                                                            \
        if (WIDE(fs))                                                                           \
            g->field##_hi = (uint16_t)(n >> 16);                                                \
    }
GROUP_COUNT(free_blocks, bg_free_blocks_count)
GROUP_COUNT(free_inodes, bg_free_inodes_count)
GROUP_COUNT(used_dirs, bg_used_dirs_count)
GROUP_COUNT(itable_unused, bg_itable_unused)
GROUP_ADD(free_blocks, bg_free_blocks_count)
GROUP_ADD(free_inodes, bg_free_inodes_count)
GROUP_ADD(used_dirs, bg_used_dirs_count)

void
group_set_itable_unused(const struct ext4_fs *fs, struct ext4_group *g, uint32_t n)
{
    g->bg_itable_unused_lo = (uint16_t)n;
    if (WIDE(fs))
        g->bg_itable_unused_hi = (uint16_t)(n >> 16);
}

uint64_t
group_first_block(const struct ext4_fs *fs, uint32_t group)
{
    return fs->super->s_first_data_block + (uint64_t)group * fs->blocks_per_group;
}

uint32_t
group_block_count(const struct ext4_fs *fs, uint32_t group)
{
    return (uint32_t)MIN((uint64_t)fs->blocks_per_group, fs->block_count - group_first_block(fs, group));
}

static bool
is_power_of(uint32_t n, uint32_t base)
{
    while (n > 1 && n % base == 0)
        n /= base;
    return n == 1;
}

bool
group_has_super(const struct ext4_fs *fs, uint32_t group)
{
    if (group == 0)
        return true;
    if (fs->super->s_feature_compat & COMPAT_SPARSE_SUPER2)
        return group == *(const uint32_t *)((const uint8_t *)fs->super + 0x24c) ||
               group == *(const uint32_t *)((const uint8_t *)fs->super + 0x250);
    if (!(fs->super->s_feature_ro_compat & RO_SPARSE_SUPER) || group == 1)
        return true;
    return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

/* Is this a place where a file's blocks may lie? The static metadata of the first group and of the range's own groups is not. */
bool
block_is_data(const struct ext4_fs *fs, uint64_t block, uint64_t count)
{
    return block > fs->super->s_first_data_block && count > 0 && block < fs->block_count && count <= fs->block_count - block;
}

static void
set_bits(uint8_t *map, uint32_t from, uint32_t to)
{
    for (; from < to && from % 8 != 0; from++)
        map[from / 8] |= (uint8_t)(1u << from % 8);
    for (; from + 8 <= to; from += 8)
        map[from / 8] = 0xff;
    for (; from < to; from++)
        map[from / 8] |= (uint8_t)(1u << from % 8);
}

static void
mark_if_inside(const struct ext4_fs *fs, uint32_t group, uint8_t *map, uint64_t block, uint64_t count)
{
    uint64_t first = group_first_block(fs, group), end = first + group_block_count(fs, group);

    for (; count > 0; block++, count--) {
        if (block >= first && block < end)
            set_bits(map, (uint32_t)(block - first), (uint32_t)(block - first) + 1);
    }
}

/* The bitmap of a group that mke2fs left unwritten (BG_BLOCK_UNINIT): what its own metadata takes. */
static void
build_block_bitmap(struct ext4_fs *fs, uint32_t group, uint8_t *map)
{
    const struct ext4_group *d = group_desc(fs, group);
    uint32_t gdt_blocks = (uint32_t)(((uint64_t)fs->group_count * fs->desc_size + fs->block_size - 1) >> fs->block_bits);

    memset(map, 0, fs->block_size);
    if (group_has_super(fs, group)) {
        uint32_t reserved = fs->super->s_reserved_gdt_blocks;
        set_bits(map, 0, MIN(1 + gdt_blocks + reserved, group_block_count(fs, group)));
    }
    mark_if_inside(fs, group, map, group_block_bitmap(fs, d), 1);
    mark_if_inside(fs, group, map, group_inode_bitmap(fs, d), 1);
    mark_if_inside(fs, group, map, group_inode_table(fs, d), (uint64_t)fs->inodes_per_group * fs->inode_size >> fs->block_bits);
    set_bits(map, group_block_count(fs, group), fs->block_size * 8);
}

static bool
uninit(struct ext4_fs *fs, uint32_t group, uint16_t flag)
{
    return (fs->csum || fs->gdt_csum) && (group_desc(fs, group)->bg_flags & flag) != 0;
}

/* The checksum of a bitmap: block bitmaps over clusters/8 bytes, inode bitmaps over inodes/8. */
static uint32_t
bitmap_sum(const struct ext4_fs *fs, const uint8_t *map, uint32_t bits)
{
    return crc32c(fs->csum_seed, map, bits / 8);
}

static int
check_sum(struct ext4_fs *fs, uint32_t group, uint32_t sum, uint16_t lo, uint16_t hi, const char *what)
{
    if (!fs->csum)
        return 0;
    if ((sum & 0xffff) == lo && (!WIDE(fs) || sum >> 16 == hi))
        return 0;
    return ext4_bad(fs, what, group);
}

int
group_load_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map)
{
    struct ext4_group *d = group_desc(fs, group);
    void *data;
    int err;

    if (uninit(fs, group, BG_BLOCK_UNINIT)) {
        err = meta_get_zeroed(fs, group_block_bitmap(fs, d), page, &data);
        if (err != 0)
            return err;
        build_block_bitmap(fs, group, data);
        d->bg_flags &= (uint16_t)~BG_BLOCK_UNINIT;
        group_store_block_bitmap(fs, group, *page, data);
        *map = data;
        return 0;
    }
    err = meta_get(fs, group_block_bitmap(fs, d), page, &data);
    if (err != 0)
        return err;
    *map = data;
    if (page_checked(*page, fs, META_BLOCK_BITMAP))
        return 0;
    err = check_sum(fs, group, bitmap_sum(fs, data, fs->blocks_per_group), d->bg_block_bitmap_csum_lo, d->bg_block_bitmap_csum_hi,
                    "block bitmap checksum");
    if (err != 0)
        cache_unpin(*page);
    else
        page_set_checked(*page, META_BLOCK_BITMAP);
    return err;
}

int
group_load_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map)
{
    struct ext4_group *d = group_desc(fs, group);
    void *data;
    int err;

    if (uninit(fs, group, BG_INODE_UNINIT)) {
        err = meta_get_zeroed(fs, group_inode_bitmap(fs, d), page, &data);
        if (err != 0)
            return err;
        set_bits(data, fs->inodes_per_group, fs->block_size * 8);
        d->bg_flags &= (uint16_t)~BG_INODE_UNINIT;
        group_set_itable_unused(fs, d, fs->inodes_per_group);
        group_store_inode_bitmap(fs, group, *page, data);
        *map = data;
        return 0;
    }
    err = meta_get(fs, group_inode_bitmap(fs, d), page, &data);
    if (err != 0)
        return err;
    *map = data;
    if (page_checked(*page, fs, META_INODE_BITMAP))
        return 0;
    err = check_sum(fs, group, bitmap_sum(fs, data, fs->inodes_per_group), d->bg_inode_bitmap_csum_lo, d->bg_inode_bitmap_csum_hi,
                    "inode bitmap checksum");
    if (err != 0)
        cache_unpin(*page);
    else
        page_set_checked(*page, META_INODE_BITMAP);
    return err;
}

/* The bitmap's checksum goes to its group's descriptor. */
void
bitmap_sum_store(struct ext4_fs *fs, uint32_t group, const uint8_t *map, bool inodes)
{
    struct ext4_group *d = group_desc(fs, group);
    uint32_t sum = bitmap_sum(fs, map, inodes ? fs->inodes_per_group : fs->blocks_per_group);

    *(inodes ? &d->bg_inode_bitmap_csum_lo : &d->bg_block_bitmap_csum_lo) = (uint16_t)sum;
    if (WIDE(fs))
        *(inodes ? &d->bg_inode_bitmap_csum_hi : &d->bg_block_bitmap_csum_hi) = (uint16_t)(sum >> 16);
}

void
group_store_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map)
{
    meta_sum(fs, page, map, META_BLOCK_BITMAP, group);
    meta_dirty(fs, page, map, META_BLOCK_BITMAP);
    group_changed(fs, group);
}

void
group_store_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map)
{
    meta_sum(fs, page, map, META_INODE_BITMAP, group);
    meta_dirty(fs, page, map, META_INODE_BITMAP);
    group_changed(fs, group);
}
