/*
 * ext4_balloc.c: which blocks are whose: runs near a goal, and reservations that keep a growing file in one piece.
 *
 * Holds:    a reservation's blocks are marked used in the bitmap; unmount, last close and a full disk give them back.
 * Locks:    the allocator, fs->own.
 */
#include "fs/ext4.h"

#define RESERVE_FIRST 8
#define RESERVE_MAX   1024
#define RUN_WANTED    64                /* a free run this long is good enough for any request */

static bool
bit_get(const uint8_t *map, uint32_t n)
{
    return (map[n / 8] >> (n % 8)) & 1;
}

static void
bits_change(uint8_t *map, uint32_t from, uint32_t count, bool set)
{
    for (uint32_t n = from; n < from + count; n++) {
        if (set)
            map[n / 8] |= (uint8_t)(1u << (n % 8));
        else
            map[n / 8] &= (uint8_t)~(1u << (n % 8));
    }
}

static uint32_t
clear_run(const uint8_t *map, uint32_t from, uint32_t end, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && from + n < end && !bit_get(map, from + n))
        n++;
    return n;
}

/* The best run in a group: the first that satisfies, else the longest. Returns its length, 0 for a full group. */
static uint32_t
find_run(const uint8_t *map, uint32_t from, uint32_t end, uint32_t want, uint32_t *at)
{
    uint32_t enough = MIN(want, (uint32_t)RUN_WANTED), best = 0;

    for (uint32_t n, pos = bit_next_clear(map, from, end); pos < end; pos = bit_next_clear(map, pos + n, end)) {
        n = clear_run(map, pos, end, want);
        if (n > best) {
            best = n;
            *at = pos;
        }
        if (best >= enough)
            break;
    }
    return best;
}

/* Takes a run from the group; 0 blocks: none there. */
static int
take_in_group(struct ext4_fs *fs, uint32_t group, uint32_t from, uint32_t want, uint64_t *start, uint32_t *got)
{
    uint32_t end = group_block_count(fs, group), at = 0, n;
    struct page *page;
    uint8_t *map;
    int err = group_load_block_bitmap(fs, group, &page, &map);

    *got = 0;
    if (err != 0)
        return err;
    n = from < end && !bit_get(map, from) ? clear_run(map, at = from, end, want) : 0;
    if (n == 0)
        n = find_run(map, from, end, want, &at);
    if (n == 0)
        n = find_run(map, 0, end, want, &at);
    n = MIN(n, group_free_blocks(fs, group_desc(fs, group)));
    if (n > 0) {
        bits_change(map, at, n, true);
        group_add_free_blocks(fs, group_desc(fs, group), -(int)n);
        group_store_block_bitmap(fs, group, page, map);
        fs->free_blocks -= MIN(fs->free_blocks, n);
        *start = group_first_block(fs, group) + at;
        *got = n;
    }
    cache_unpin(page);
    return 0;
}

/* Allocator owned. */
static int
take(struct ext4_fs *fs, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got)
{
    uint64_t first = fs->super->s_first_data_block;
    uint32_t group, from;
    int err = 0;

    if (goal < first || goal >= fs->block_count)
        goal = first;
    group = (uint32_t)((goal - first) / fs->blocks_per_group);
    from = (uint32_t)((goal - first) % fs->blocks_per_group);
    for (uint32_t n = 0; n < fs->group_count; n++) {
        if (group_free_blocks(fs, group_desc(fs, group)) > 0) {
            int this_err = take_in_group(fs, group, from, want, start, got);

            if (this_err == 0 && *got > 0)
                return 0;
            err = this_err != 0 ? this_err : err;
            if (err == -EUCLEAN)
                return err;
        }
        group = group + 1 == fs->group_count ? 0 : group + 1;
        from = 0;
    }
    return err != 0 ? err : -ENOSPC;
}

static void
free_in_group(struct ext4_fs *fs, uint64_t start, uint32_t count)
{
    uint64_t first = fs->super->s_first_data_block;
    uint32_t group = (uint32_t)((start - first) / fs->blocks_per_group), at = (uint32_t)((start - first) % fs->blocks_per_group);
    struct page *page;
    uint8_t *map;
    uint32_t freed = 0;

    if (group_load_block_bitmap(fs, group, &page, &map) != 0) {
        log_print("ext4: %s: %u blocks at %lu lost: bitmap unreadable", fs->mnt->dev->name, count, start);
        return;
    }
    for (uint32_t n = at; n < at + count; n++)
        freed += bit_get(map, n);
    if (freed != count)
        ext4_stop(fs, "freed blocks that were free already", start);
    bits_change(map, at, count, false);
    group_add_free_blocks(fs, group_desc(fs, group), (int)freed);
    group_store_block_bitmap(fs, group, page, map);
    fs->free_blocks += freed;
    cache_unpin(page);
}

static void
give_back(struct ext4_fs *fs, uint64_t start, uint64_t count)
{
    if (count > 0 && !block_is_data(fs, start, count)) {
        ext4_bad(fs, "freed blocks outside the device", start);
        return;
    }
    while (count > 0) {
        uint64_t in_group = fs->blocks_per_group - (start - fs->super->s_first_data_block) % fs->blocks_per_group;
        uint32_t n = (uint32_t)MIN(count, in_group);

        free_in_group(fs, start, n);
        start += n;
        count -= n;
    }
}

void
blocks_free_owned(struct ext4_fs *fs, uint64_t start, uint64_t count)
{
    give_back(fs, start, count);
}

void
blocks_free(struct ext4_fs *fs, uint64_t start, uint64_t count)
{
    own_take(&fs->own);
    give_back(fs, start, count);
    own_drop(&fs->own);
}

static void
drop_owned(struct ext4_inode *i)
{
    uint64_t start = i->reserve_start, count = i->reserve_len;

    i->reserve_len = 0;
    list_remove(&i->reserve_link);
    give_back(i->fs, start, count);
}

void
reserve_drop(struct ext4_inode *i)
{
    if (i->reserve_len == 0)
        return;
    own_take(&i->fs->own);
    if (i->reserve_len > 0)
        drop_owned(i);
    own_drop(&i->fs->own);
}

/* As take(), but first gives all reservations back rather than fail. */
static int
take_or_reclaim(struct ext4_fs *fs, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got)
{
    int err = take(fs, goal, want, start, got);

    if (err != -ENOSPC || list_empty(&fs->reserving))
        return err;
    while (!list_empty(&fs->reserving))
        drop_owned(container_of(fs->reserving.next, struct ext4_inode, reserve_link));
    return take(fs, goal, want, start, got);
}

int
blocks_alloc(struct ext4_fs *fs, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got)
{
    int err;

    own_take(&fs->own);
    err = take_or_reclaim(fs, goal, want, start, got);
    own_drop(&fs->own);
    return err;
}

/* Takes more than was asked for and keeps the rest for the file's next blocks. */
static int
take_and_reserve(struct ext4_inode *i, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got)
{
    uint32_t extra = MIN(MAX(i->reserve_want * 2, (uint32_t)RESERVE_FIRST), (uint32_t)RESERVE_MAX);
    int err = take_or_reclaim(i->fs, goal, want + extra, start, got);

    if (err != 0)
        return err;
    i->reserve_want = extra;
    if (*got > want) {
        i->reserve_start = *start + want;
        i->reserve_len = *got - want;
        *got = want;
        list_push_tail(&i->fs->reserving, &i->reserve_link);
    }
    return 0;
}

int
blocks_alloc_for(struct ext4_inode *i, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got)
{
    struct ext4_fs *fs = i->fs;
    bool sequential;
    int err = 0;

    own_take(&fs->own);
    sequential = i->reserve_len > 0 && i->reserve_start == goal;
    if (sequential) {
        *start = i->reserve_start;
        *got = MIN(want, i->reserve_len);
        i->reserve_start += *got;
        i->reserve_len -= *got;
        if (i->reserve_len == 0)
            list_remove(&i->reserve_link);
    } else {
        if (i->reserve_len > 0) {
            drop_owned(i);
            i->reserve_want = 0;
        }
        if (i->vfs.writers > 0 && inode_is(&i->vfs, S_IFREG))
            err = take_and_reserve(i, goal, want, start, got);
        else
            err = take_or_reclaim(fs, goal, want, start, got);
    }
    own_drop(&fs->own);
    return err;
}
