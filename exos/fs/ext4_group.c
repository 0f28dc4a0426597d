/*
 * ext4_group.c: block groups: descriptors and their checksums, and where what lies.
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
