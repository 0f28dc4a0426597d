/*
 * ext4_map.c: from a file's blocks to the disk's, whichever way the inode keeps them.
 *
 * Locks:    map_own of the inode, taken here by the entries that the cache calls; the allocator inside it.
 */
#include "fs/ext4.h"

void
map_charge(struct ext4_inode *i, int64_t blocks)
{
    commit_touch(i);
    i->vfs.blocks512 += (uint64_t)(blocks * (int64_t)(i->fs->block_size / 512));
    inode_changed(&i->vfs);
}

/* The start of the inode's own group: where the first block of a file goes. */
static uint64_t
group_goal(struct ext4_inode *i)
{
    uint32_t group = (uint32_t)((i->vfs.ino - 1) / i->fs->inodes_per_group);

    return group_first_block(i->fs, group);
}

uint64_t
map_goal(struct ext4_inode *i, uint32_t block)
{
    struct ext4_map before;

    if (block > 0 && map_find(i, block - 1, 1, &before) == 0 && before.start != 0)
        return before.start + 1;
    return group_goal(i);
}

int
map_find(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out)
{
    int err;

    if (block - i->map_block < i->map_len) {
        uint32_t skip = block - i->map_block;
        *out = (struct ext4_map){ i->map_start + skip, MIN(max, i->map_len - skip), 0 };
        return 0;
    }
    err = (i->flags & INODE_EXTENTS_FL) ? extent_find(i, block, max, out) : indirect_find(i, block, max, out);
    if (err == 0 && out->start != 0 && !block_is_data(i->fs, out->start, out->count))
        err = ext4_bad(i->fs, "inode maps blocks outside the device", i->vfs.ino);
    if (err == 0 && out->start != 0 && out->flags == 0) {
        i->map_block = block;
        i->map_len = out->count;
        i->map_start = out->start;
    }
    return err;
}

static int
create_extent(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out)
{
    bool convert = out->start != 0;
    uint64_t start = out->start;
    uint32_t got = MIN(max, out->count);
    int err;

    if (convert)
        err = extent_remove(i, block, block + got, false);
    else
        err = blocks_alloc_for(i, map_goal(i, block), got, &start, &got);
    if (err != 0)
        return err;
    err = extent_insert(i, block, start, got);
    if (err != 0) {
        blocks_free(i->fs, start, got);
        if (convert)
            map_charge(i, -(int64_t)got);
        return err;
    }
    if (!convert)
        map_charge(i, got);
    commit_touch(i);
    *out = (struct ext4_map){ start, got, MAP_FRESH };
    return 0;
}

int
map_create(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out)
{
    int err = map_find(i, block, max, out);

    if (err != 0 || (out->start != 0 && !(out->flags & MAP_UNWRITTEN)))
        return err;
    i->map_len = 0;
    if (i->flags & INODE_EXTENTS_FL)
        return create_extent(i, block, max, out);
    return indirect_create(i, block, MIN(max, out->count), out);
}

int
map_free(struct ext4_inode *i, uint32_t from, uint32_t to)
{
    i->map_len = 0;
    if (from >= to)
        return 0;
    return (i->flags & INODE_EXTENTS_FL) ? extent_remove(i, from, to, true) : indirect_free(i, from, to);
}

static int
data_map(struct cache_space *s, uint64_t block, uint32_t max, uint64_t *sector, uint32_t *count)
{
    struct ext4_inode *i = container_of(s, struct ext4_inode, vfs.data);
    struct ext4_map m = { 0, max, 0 };
    int err = 0;

    if (block <= UINT32_MAX) {
        own_take(&i->vfs.map_own);
        err = map_find(i, (uint32_t)block, max, &m);
        own_drop(&i->vfs.map_own);
    }
    if (err != 0)
        return err;
    *count = m.count;
    *sector = m.start == 0 || (m.flags & MAP_UNWRITTEN) ? CACHE_HOLE : m.start << (i->fs->block_bits - 9);
    return 0;
}

const struct cache_ops ext4_data_ops = { data_map };

int
ext4_allocate(struct inode *vi, uint64_t off, uint64_t len, uint64_t *done, bool *fresh)
{
    struct ext4_inode *i = ext4_inode(vi);
    uint64_t first = off >> i->fs->block_bits, last = (off + len - 1) >> i->fs->block_bits;
    struct ext4_map m;
    int err;

    if (last >= UINT32_MAX || (!(i->flags & INODE_EXTENTS_FL) && off + len > FILE_SIZE_MAX))
        return -EFBIG;
    own_take(&vi->map_own);
    err = map_create(i, (uint32_t)first, (uint32_t)MIN(last - first + 1, (uint64_t)EXTENT_LEN_MAX), &m);
    own_drop(&vi->map_own);
    if (err == 0) {
        *done = ((first + m.count) << i->fs->block_bits) - off;
        *fresh = (m.flags & MAP_FRESH) != 0;
    }
    return err;
}

int
ext4_free_range(struct inode *vi, uint64_t from, uint64_t to)
{
    struct ext4_inode *i = ext4_inode(vi);
    uint64_t first = (from + i->fs->block_size - 1) >> i->fs->block_bits;
    uint64_t end = MIN(to >> i->fs->block_bits, (uint64_t)UINT32_MAX);
    int err = 0;

    change_begin_inner(i->fs);
    reserve_drop(i);
    own_take(&vi->map_own);
    if (first < end)
        err = map_free(i, (uint32_t)first, (uint32_t)end);
    own_drop(&vi->map_own);
    change_end(i->fs);
    return err;
}
