/*
 * ext4_indirect.c: the block maps of ext2: twelve direct blocks, then trees of one, two and three levels of tables.
 *
 * Locks:    map_own of the inode, held by the caller.
 */
#include "fs/ext4.h"

struct indirect_path {
    int levels;                         /* tables between the inode and the block: 0 to 3 */
    uint32_t slot;                      /* in the inode */
    uint32_t at[3];                     /* in each table, outermost first */
};

static uint32_t
per_table(const struct ext4_fs *fs)
{
    return fs->block_size / 4;
}

static int
path_of(const struct ext4_fs *fs, uint32_t block, struct indirect_path *p)
{
    uint64_t n = per_table(fs), rest = block, span = n;

    if (block < EXT4_NDIR_BLOCKS) {
        *p = (struct indirect_path){ 0, block, { 0 } };
        return 0;
    }
    rest -= EXT4_NDIR_BLOCKS;
    for (int level = 1; level <= 3; level++, span *= n) {
        if (rest < span) {
            p->levels = level;
            p->slot = EXT4_NDIR_BLOCKS + (uint32_t)level - 1;
            for (int k = 0; k < level; k++) {
                span /= n;
                p->at[k] = (uint32_t)(rest / span);
                rest %= span;
            }
            return 0;
        }
        rest -= span;
    }
    return -EFBIG;
}

/* Blocks under one entry of a table that has `below` tables under it. */
static uint64_t
span_of(const struct ext4_fs *fs, int below)
{
    uint64_t span = 1;

    while (below-- > 0)
        span *= per_table(fs);
    return span;
}

/* How far the same run (or hole) goes on in table[at..]. */
static uint32_t
run_length(const uint32_t *table, uint32_t at, uint32_t end, uint32_t max)
{
    uint32_t n = 1;

    while (n < max && at + n < end && table[at + n] == (table[at] == 0 ? 0 : table[at] + n))
        n++;
    return n;
}

int
indirect_find(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out)
{
    struct ext4_fs *fs = i->fs;
    struct indirect_path p;
    uint32_t entry;
    uint64_t skip = 0;
    int err = path_of(fs, block, &p);

    if (err != 0) {
        *out = (struct ext4_map){ 0, max, 0 };
        return 0;
    }
    entry = i->block[p.slot];
    if (p.levels == 0) {
        *out = (struct ext4_map){ entry, run_length(i->block, p.slot, EXT4_NDIR_BLOCKS, max), 0 };
        return 0;
    }
    for (int k = 0; k < p.levels; k++) {
        struct page *page;
        void *data;
        const uint32_t *table;

        if (entry == 0) {
            for (int j = k; j < p.levels; j++)
                skip += p.at[j] * span_of(fs, p.levels - j - 1);
            *out = (struct ext4_map){ 0, (uint32_t)MIN((uint64_t)max, span_of(fs, p.levels - k) - skip), 0 };
            return 0;
        }
        err = meta_get(fs, entry, &page, &data);
        if (err != 0)
            return err;
        table = data;
        entry = table[p.at[k]];
        if (k == p.levels - 1)
            *out = (struct ext4_map){ entry, run_length(table, p.at[k], per_table(fs), max), 0 };
        cache_unpin(page);
    }
    return 0;
}

/* A fresh, empty table. */
static int
new_table(struct ext4_inode *i, uint64_t goal, uint32_t *block)
{
    struct page *page;
    void *data;
    uint64_t start;
    uint32_t got;
    int err = blocks_alloc(i->fs, goal, 1, &start, &got);

    if (err != 0)
        return err;
    err = start > UINT32_MAX ? -ENOSPC : meta_get_zeroed(i->fs, start, &page, &data);
    if (err != 0) {
        blocks_free(i->fs, start, 1);
        return err;
    }
    meta_dirty(i->fs, page, data, META_TABLE);
    meta_set_order(i->fs, page, data, ORDER_FIRST);
    cache_unpin(page);
    map_charge(i, 1);
    *block = (uint32_t)start;
    return 0;
}

/* Fills table[at..] (all holes) with new blocks. */
static int
fill(struct ext4_inode *i, uint32_t *table, uint32_t at, uint32_t max, uint64_t goal, struct ext4_map *out)
{
    uint64_t start;
    uint32_t got;
    int err = blocks_alloc_for(i, goal, max, &start, &got);

    if (err != 0)
        return err;
    if (start + got > UINT32_MAX) {
        blocks_free(i->fs, start, got);
        return -ENOSPC;
    }
    for (uint32_t n = 0; n < got; n++)
        table[at + n] = (uint32_t)start + n;
    map_charge(i, got);
    *out = (struct ext4_map){ start, got, MAP_FRESH };
    return 0;
}

int
indirect_create(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out)
{
    struct ext4_fs *fs = i->fs;
    struct page *page = NULL, *next;
    struct indirect_path p;
    uint32_t *slot, *table = i->block;
    uint64_t goal = map_goal(i, block);
    void *data;
    int err = path_of(fs, block, &p);

    if (err != 0)
        return err;
    if (p.levels == 0)
        return fill(i, i->block, p.slot, run_length(i->block, p.slot, EXT4_NDIR_BLOCKS, max), goal, out);
    slot = &i->block[p.slot];
    for (int k = 0; k < p.levels && err == 0; k++) {
        if (*slot == 0) {
            err = new_table(i, goal, slot);
            if (err == 0 && page != NULL)
                meta_dirty(fs, page, slot, META_TABLE);
        }
        if (err == 0)
            err = meta_get(fs, *slot, &next, &data);
        if (err != 0)
            break;
        if (page != NULL)
            cache_unpin(page);
        page = next;
        table = data;
        slot = &table[p.at[k]];
    }
    if (err == 0) {
        uint32_t at = p.at[p.levels - 1];

        err = fill(i, table, at, run_length(table, at, per_table(fs), max), goal, out);
        if (err == 0)
            meta_dirty(fs, page, table, META_TABLE);
    }
    if (page != NULL)
        cache_unpin(page);
    return err;
}

static void
free_blocks(struct ext4_inode *i, uint64_t start, uint32_t count)
{
    blocks_release(i, start, count);
    map_charge(i, -(int64_t)count);
}

/* Frees the data blocks in table[a..b) and clears the entries, run by run. */
static void
free_entries(struct ext4_inode *i, uint32_t *table, uint32_t a, uint32_t b)
{
    for (uint32_t n; a < b; a += n) {
        n = run_length(table, a, b, b - a);
        if (table[a] == 0)
            continue;
        free_blocks(i, table[a], n);
        memset(&table[a], 0, n * sizeof(table[0]));
    }
}

/*
 * Frees what lies in from..to of the tree under *slot, `levels` tables deep, that begins at block `base`; the tables too when they
 * become empty. Recursion is at most three deep.
 */
static int
free_tree(struct ext4_inode *i, uint32_t *slot, int levels, uint64_t base, uint64_t from, uint64_t to)
{
    struct ext4_fs *fs = i->fs;
    uint64_t span = span_of(fs, levels - 1), size = per_table(fs);
    struct page *page;
    uint32_t *table, used = 0, a, b;
    void *data;
    int err;

    if (*slot == 0 || to <= base || from >= base + span * size)
        return 0;
    err = meta_get(fs, *slot, &page, &data);
    if (err != 0)
        return err;
    table = data;
    a = from <= base ? 0 : (uint32_t)((from - base) / span);
    b = (uint32_t)MIN((to - base + span - 1) / span, size);
    if (levels == 1) {
        free_entries(i, table, a, b);
    } else {
        for (; a < b && err == 0; a++)
            err = free_tree(i, &table[a], levels - 1, base + a * span, from, to);
    }
    for (uint32_t n = 0; n < size; n++)
        used |= table[n];
    if (used != 0)
        meta_dirty(fs, page, table, META_TABLE);
    cache_unpin(page);
    if (used == 0 && err == 0) {
        cache_forget(fs->space, (uint64_t)*slot << fs->block_bits, fs->block_size);
        free_blocks(i, *slot, 1);
        *slot = 0;
    }
    return err;
}

int
indirect_free(struct ext4_inode *i, uint32_t from, uint32_t to)
{
    uint64_t base = EXT4_NDIR_BLOCKS, n = per_table(i->fs), span = n;
    int err = 0;

    if (from < EXT4_NDIR_BLOCKS)
        free_entries(i, i->block, from, MIN(to, (uint32_t)EXT4_NDIR_BLOCKS));
    for (int level = 1; level <= 3 && err == 0; level++, span *= n) {
        err = free_tree(i, &i->block[EXT4_NDIR_BLOCKS + level - 1], level, base, from, to);
        base += span;
    }
    inode_changed(&i->vfs);
    return err;
}
