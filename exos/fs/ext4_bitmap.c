/*
 * ext4_bitmap.c: the two bitmaps of a group: not believed until checked, built where mke2fs left them out.
 *
 * Holds:    a bitmap that has the file system's own blocks or the reserved inodes as free, or lacks its padding, or does not agree
 *           with its descriptor, stops all writing. Only after a cut may it disagree: commits write both before what they speak of,
 *           so either is safe to go on from, and the bitmap is taken.
 * Locks:    the allocator, fs->own.
 */
#include "fs/ext4.h"

#define WIDE(fs) ((fs)->desc_size >= sizeof(struct ext4_group))

/* Does something to, or asks something of, the bits from..to - 1. */
typedef bool (*range_fn)(uint8_t *map, uint32_t from, uint32_t to);

static bool
set_bits(uint8_t *map, uint32_t from, uint32_t to)
{
    for (; from < to && from % 8 != 0; from++)
        map[from / 8] |= (uint8_t)(1u << from % 8);
    for (; from + 8 <= to; from += 8)
        map[from / 8] = 0xff;
    for (; from < to; from++)
        map[from / 8] |= (uint8_t)(1u << from % 8);
    return true;
}

static bool
are_set(uint8_t *map, uint32_t from, uint32_t to)
{
    for (; from < to; from++) {
        if (from % 8 == 0 && from + 8 <= to && map[from / 8] == 0xff)
            from += 7;
        else if (!(map[from / 8] >> from % 8 & 1))
            return false;
    }
    return true;
}

uint32_t
bit_next_clear(const uint8_t *map, uint32_t from, uint32_t end)
{
    for (; from < end; from = (from | 63) + 1) {
        uint64_t clear = ~*(const word_t *)(map + from / 64 * 8) & UINT64_MAX << from % 64;

        if (clear != 0)
            return MIN((from & ~63u) + (uint32_t)__builtin_ctzll(clear), end);
    }
    return end;
}

/* How many of the first n bits are clear. */
static uint32_t
count_clear(const uint8_t *map, uint32_t n)
{
    uint32_t used = 0;

    for (uint32_t at = 0; at < n; at += 64) {
        uint64_t word;

        memcpy(&word, map + at / 8, 8);
        if (n - at < 64)
            word &= (1ull << (n - at)) - 1;
        word -= word >> 1 & 0x5555555555555555ull;
        word = (word & 0x3333333333333333ull) + (word >> 2 & 0x3333333333333333ull);
        used += (uint32_t)(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull >> 56);
    }
    return n - used;
}

/* f of what of the blocks start..start + count - 1 lies in the group. */
static bool
inside(const struct ext4_fs *fs, uint32_t group, uint8_t *map, uint64_t start, uint64_t count, range_fn f)
{
    uint64_t first = group_first_block(fs, group), end = first + group_block_count(fs, group);
    uint64_t from = MAX(start, first), to = MIN(start + count, end);

    return from >= to || f(map, (uint32_t)(from - first), (uint32_t)(to - first));
}

/* How many groups keep their bitmaps and inode tables together. */
static uint32_t
flex_size(const struct ext4_fs *fs)
{
    uint32_t log = fs->super->s_log_groups_per_flex;

    return (fs->super->s_feature_incompat & INCOMPAT_FLEX_BG) && log < 32 ? 1u << log : 1;
}

/* f of each range of the group that the file system itself takes, until one says false. */
static bool
each_own(struct ext4_fs *fs, uint32_t group, uint8_t *map, range_fn f)
{
    uint32_t gdt_blocks = (uint32_t)(((uint64_t)fs->group_count * fs->desc_size + fs->block_size - 1) >> fs->block_bits);
    uint64_t table_blocks = (uint64_t)fs->inodes_per_group * fs->inode_size >> fs->block_bits;
    uint32_t flex = flex_size(fs), first = group - group % flex, last = first + MIN(fs->group_count - first, flex);
    bool yes = !group_has_super(fs, group) ||
               inside(fs, group, map, group_first_block(fs, group), 1ull + gdt_blocks + fs->super->s_reserved_gdt_blocks, f);

    for (uint32_t g = first; g < last && yes; g++) {
        const struct ext4_group *d = group_desc(fs, g);

        yes = inside(fs, group, map, group_block_bitmap(fs, d), 1, f) && inside(fs, group, map, group_inode_bitmap(fs, d), 1, f) &&
              inside(fs, group, map, group_inode_table(fs, d), table_blocks, f);
    }
    return yes;
}

/* ---- checksums: of block bitmaps over clusters / 8 bytes, of inode bitmaps over inodes / 8 ---- */

static uint32_t
bitmap_sum(const struct ext4_fs *fs, const uint8_t *map, bool inodes)
{
    return crc32c(fs->csum_seed, map, (inodes ? fs->inodes_per_group : fs->blocks_per_group) / 8);
}

static bool
sum_is_right(struct ext4_fs *fs, const struct ext4_group *d, const uint8_t *map, bool inodes)
{
    uint16_t lo = inodes ? d->bg_inode_bitmap_csum_lo : d->bg_block_bitmap_csum_lo;
    uint32_t sum;

    if (!fs->csum)
        return true;
    sum = bitmap_sum(fs, map, inodes);
    return (sum & 0xffff) == lo &&
           (!WIDE(fs) || sum >> 16 == (inodes ? d->bg_inode_bitmap_csum_hi : d->bg_block_bitmap_csum_hi));
}

/* The bitmap's checksum goes to its group's descriptor. */
void
bitmap_sum_store(struct ext4_fs *fs, uint32_t group, const uint8_t *map, bool inodes)
{
    struct ext4_group *d = group_desc(fs, group);
    uint32_t sum = bitmap_sum(fs, map, inodes);

    *(inodes ? &d->bg_inode_bitmap_csum_lo : &d->bg_block_bitmap_csum_lo) = (uint16_t)sum;
    if (WIDE(fs))
        *(inodes ? &d->bg_inode_bitmap_csum_hi : &d->bg_block_bitmap_csum_hi) = (uint16_t)(sum >> 16);
}

static void
store(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map, enum meta_kind kind)
{
    meta_sum(fs, page, map, kind, group);
    meta_dirty(fs, page, map, kind);
    group_changed(fs, group);
}

void
group_store_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map)
{
    store(fs, group, page, map, META_BLOCK_BITMAP);
}

void
group_store_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map)
{
    store(fs, group, page, map, META_INODE_BITMAP);
}

/* ---- checking ---- */

/*
 * The bitmap has `free` of its `bits` clear, the descriptor says `said`. 0: they agree. 1: a cut came between them. A bitmap with
 * nothing in it is not what a cut leaves.
 */
static int
weigh(struct ext4_fs *fs, uint32_t group, const char *what, uint32_t free, uint32_t said, uint32_t bits, bool sum_right)
{
    if (free == said && sum_right)
        return 0;
    if (!fs->unclean || free == bits)
        return ext4_stop(fs, what, group);
    log_print("ext4: %s: %s %u: %u free, not %u; e2fsck is advised", fs->mnt->dev->name, what, group, free, said);
    return 1;
}

static int
check_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map)
{
    struct ext4_group *d = group_desc(fs, group);
    uint32_t bits = group_block_count(fs, group), said = group_free_blocks(fs, d), free = count_clear(map, bits);
    int differ;

    if (!each_own(fs, group, map, are_set))
        return ext4_stop(fs, "the block bitmap has the file system's own blocks as free in group", group);
    if (!are_set(map, bits, fs->block_size * 8))
        return ext4_stop(fs, "the block bitmap has blocks past the end as free in group", group);
    differ = weigh(fs, group, "the block bitmap does not agree with the descriptor of group", free, said, bits,
                   sum_is_right(fs, d, map, false));
    if (differ != 1)
        return differ;
    group_add_free_blocks(fs, d, (int)(free - said));
    fs->free_blocks += (uint64_t)free - said;
    group_store_block_bitmap(fs, group, page, map);
    return 0;
}

/* Behind the last inode in use the table may hold anything: the descriptor says from where on. */
static void
limit_unused(struct ext4_fs *fs, struct ext4_group *d, const uint8_t *map)
{
    uint32_t n = fs->inodes_per_group;

    while (n > 0 && !(map[(n - 1) / 8] >> (n - 1) % 8 & 1))
        n--;
    group_set_itable_unused(fs, d, MIN(group_itable_unused(fs, d), fs->inodes_per_group - n));
}

static int
check_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map)
{
    struct ext4_group *d = group_desc(fs, group);
    uint32_t bits = fs->inodes_per_group, said = group_free_inodes(fs, d), free = count_clear(map, bits);
    int differ;

    if (group == 0 && !are_set(map, 0, fs->first_ino - 1))
        return ext4_stop(fs, "the inode bitmap has reserved inodes as free in group", group);
    if (!are_set(map, bits, fs->block_size * 8))
        return ext4_stop(fs, "the inode bitmap has inodes past the end as free in group", group);
    differ = weigh(fs, group, "the inode bitmap does not agree with the descriptor of group", free, said, bits,
                   sum_is_right(fs, d, map, true));
    if (differ != 1)
        return differ;
    group_add_free_inodes(fs, d, (int)(free - said));
    fs->free_inodes += free - said;
    if (fs->csum || fs->gdt_csum)
        limit_unused(fs, d, map);
    group_store_inode_bitmap(fs, group, page, map);
    return 0;
}

/* ---- loading ---- */

/* Has mke2fs left the bitmap unwritten? */
static bool
uninit(struct ext4_fs *fs, uint32_t group, uint16_t flag)
{
    return (fs->csum || fs->gdt_csum) && (group_desc(fs, group)->bg_flags & flag) != 0;
}

static int
build_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map)
{
    struct ext4_group *d = group_desc(fs, group);
    void *data;
    int err = meta_get_zeroed(fs, group_block_bitmap(fs, d), page, &data);

    if (err != 0)
        return err;
    *map = data;
    each_own(fs, group, *map, set_bits);
    set_bits(*map, group_block_count(fs, group), fs->block_size * 8);
    d->bg_flags &= (uint16_t)~BG_BLOCK_UNINIT;
    group_store_block_bitmap(fs, group, *page, *map);
    return 0;
}

static int
build_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map)
{
    struct ext4_group *d = group_desc(fs, group);
    void *data;
    int err = meta_get_zeroed(fs, group_inode_bitmap(fs, d), page, &data);

    if (err != 0)
        return err;
    *map = data;
    set_bits(*map, fs->inodes_per_group, fs->block_size * 8);
    d->bg_flags &= (uint16_t)~BG_INODE_UNINIT;
    group_set_itable_unused(fs, d, fs->inodes_per_group);
    group_store_inode_bitmap(fs, group, *page, *map);
    return 0;
}

static int
load(struct ext4_fs *fs, uint32_t group, enum meta_kind kind, uint64_t block, struct page **page, uint8_t **map)
{
    void *data;
    int err = meta_get(fs, block, page, &data);

    if (err != 0)
        return err;
    *map = data;
    if (page_checked(*page, fs, kind))
        return 0;
    err = kind == META_BLOCK_BITMAP ? check_block_bitmap(fs, group, *page, *map) : check_inode_bitmap(fs, group, *page, *map);
    if (err != 0)
        cache_unpin(*page);
    else
        page_set_checked(*page, kind);
    return err;
}

int
group_load_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map)
{
    if (uninit(fs, group, BG_BLOCK_UNINIT))
        return build_block_bitmap(fs, group, page, map);
    return load(fs, group, META_BLOCK_BITMAP, group_block_bitmap(fs, group_desc(fs, group)), page, map);
}

int
group_load_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map)
{
    if (uninit(fs, group, BG_INODE_UNINIT))
        return build_inode_bitmap(fs, group, page, map);
    return load(fs, group, META_INODE_BITMAP, group_inode_bitmap(fs, group_desc(fs, group)), page, map);
}
