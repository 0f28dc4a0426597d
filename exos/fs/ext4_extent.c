/*
 * ext4_extent.c: extent trees: find, insert, remove.
 *
 * Holds:    the root lies in the inode, every other node in a block; a node's depth is one less than its parent's, so a damaged tree
 *           cannot make us loop. Index keys equal the first key below them.
 * Locks:    map_own of the inode, held by the caller.
 */
#include "fs/ext4.h"

#define ROOT_MAX 4
#define ROUNDS_MAX 16                   /* of making room for one insertion: at most one split per level and one growth */

struct ext_path {
    int depth;
    struct page *page[EXTENT_DEPTH_MAX + 1];
    struct ext4_extent_header *node[EXTENT_DEPTH_MAX + 1];
    int pos[EXTENT_DEPTH_MAX + 1];      /* last entry whose key is <= the block sought; -1: none */
};

static struct ext4_extent *
leaf_of(struct ext4_extent_header *h)
{
    return (struct ext4_extent *)(h + 1);
}

static struct ext4_extent_idx *
index_of(struct ext4_extent_header *h)
{
    return (struct ext4_extent_idx *)(h + 1);
}

static uint32_t
extent_len(const struct ext4_extent *e)
{
    return e->ee_len > EXTENT_LEN_MAX ? e->ee_len - EXTENT_LEN_MAX : e->ee_len;
}

static bool
extent_unwritten(const struct ext4_extent *e)
{
    return e->ee_len > EXTENT_LEN_MAX;
}

static uint64_t
extent_start(const struct ext4_extent *e)
{
    return e->ee_start_lo | (uint64_t)e->ee_start_hi << 32;
}

static void
extent_set(struct ext4_extent *e, uint32_t block, uint64_t start, uint32_t len, bool unwritten)
{
    *e = (struct ext4_extent){ block, (uint16_t)(len + (unwritten ? EXTENT_LEN_MAX : 0)), (uint16_t)(start >> 32), (uint32_t)start };
}

static uint64_t
index_block(const struct ext4_extent_idx *x)
{
    return x->ei_leaf_lo | (uint64_t)x->ei_leaf_hi << 32;
}

static uint32_t
node_capacity(const struct ext4_fs *fs)
{
    return (uint32_t)((fs->block_size - sizeof(struct ext4_extent_header)) / sizeof(struct ext4_extent));
}

static uint32_t *
node_tail(struct ext4_extent_header *h)
{
    return (uint32_t *)(leaf_of(h) + h->eh_max);
}

/* Both kinds of entry begin with their key. */
static uint32_t
key(struct ext4_extent_header *h, int n)
{
    return leaf_of(h)[n].ee_block;
}

void
extent_root_init(struct ext4_inode *i)
{
    memset(i->block, 0, sizeof(i->block));
    *(struct ext4_extent_header *)i->block = (struct ext4_extent_header){ EXTENT_MAGIC, 0, ROOT_MAX, 0, 0 };
}

static int
check_node(struct ext4_inode *i, struct ext4_extent_header *h, int depth, bool root)
{
    uint32_t max = root ? ROOT_MAX : node_capacity(i->fs);

    if (h->eh_magic != EXTENT_MAGIC || h->eh_max == 0 || h->eh_max > max || h->eh_entries > h->eh_max || h->eh_depth != depth ||
        (depth > 0 && h->eh_entries == 0))
        return ext4_bad(i->fs, "extent tree node of inode", i->vfs.ino);
    for (int n = 1; n < h->eh_entries; n++) {
        uint32_t end = depth == 0 ? key(h, n - 1) + extent_len(&leaf_of(h)[n - 1]) : key(h, n - 1) + 1;

        if (key(h, n) < end || end < key(h, n - 1))
            return ext4_bad(i->fs, "extents out of order in inode", i->vfs.ino);
    }
    for (int n = 0; depth == 0 && n < h->eh_entries; n++) {
        const struct ext4_extent *e = &leaf_of(h)[n];

        if (e->ee_len == 0 || !block_is_data(i->fs, extent_start(e), extent_len(e)) || e->ee_block + extent_len(e) < e->ee_block)
            return ext4_bad(i->fs, "extent outside the device in inode", i->vfs.ino);
    }
    return 0;
}

static int
load_node(struct ext4_inode *i, uint64_t block, int depth, struct page **page, struct ext4_extent_header **out)
{
    void *data;
    int err = meta_get(i->fs, block, page, &data);

    if (err != 0)
        return err;
    if (!page_checked(*page, i->fs, META_EXTENT)) {
        err = check_node(i, data, depth, false);
        if (err == 0 && i->fs->csum) {
            struct ext4_extent_header *h = data;
            if (*node_tail(h) != crc32c(i->csum_seed, h, (size_t)((uint8_t *)node_tail(h) - (uint8_t *)h)))
                err = ext4_bad(i->fs, "extent block checksum", block);
        }
        if (err == 0)
            page_set_checked(*page, META_EXTENT);
    }
    *out = data;
    if (err == 0 && (*out)->eh_depth != depth)
        err = ext4_bad(i->fs, "extent tree depth in inode", i->vfs.ino);
    if (err != 0)
        cache_unpin(*page);
    return err;
}

static void
path_drop(struct ext_path *p)
{
    for (int n = 1; n <= p->depth; n++) {
        if (p->page[n] != NULL)
            cache_unpin(p->page[n]);
    }
}

static int
search(struct ext4_extent_header *h, uint32_t block)
{
    int low = 0, high = h->eh_entries;

    while (low < high) {
        int mid = (low + high) / 2;
        if (key(h, mid) <= block)
            low = mid + 1;
        else
            high = mid;
    }
    return low - 1;
}

static int
path_load(struct ext4_inode *i, uint32_t block, struct ext_path *p)
{
    struct ext4_extent_header *h = (struct ext4_extent_header *)i->block;
    int err;

    *p = (struct ext_path){ 0 };
    if (h->eh_depth > EXTENT_DEPTH_MAX)
        return ext4_bad(i->fs, "extent tree too deep in inode", i->vfs.ino);
    err = check_node(i, h, h->eh_depth, true);
    if (err != 0)
        return err;
    p->node[0] = h;
    p->pos[0] = search(h, block);
    for (int depth = h->eh_depth; depth > 0; depth--) {
        int n = p->depth;

        if (p->pos[n] < 0)
            p->pos[n] = 0;
        err = load_node(i, index_block(&index_of(p->node[n])[p->pos[n]]), depth - 1, &p->page[n + 1], &p->node[n + 1]);
        if (err != 0) {
            path_drop(p);
            return err;
        }
        p->depth = n + 1;
        p->pos[n + 1] = search(p->node[n + 1], block);
    }
    return 0;
}

static void
node_changed(struct ext4_inode *i, struct ext_path *p, int level)
{
    struct ext4_extent_header *h = p->node[level];

    if (level == 0) {
        inode_changed(&i->vfs);
        return;
    }
    if (i->fs->csum)
        *node_tail(h) = crc32c(i->csum_seed, h, (size_t)((uint8_t *)node_tail(h) - (uint8_t *)h));
    meta_dirty(i->fs, p->page[level], h, META_EXTENT);
}

/* The first key of the node at `level` changed: so do the keys above that stand for it. */
static void
keys_changed(struct ext4_inode *i, struct ext_path *p, int level)
{
    for (int n = level; n > 0; n--) {
        if (p->node[n]->eh_entries == 0)
            return;
        index_of(p->node[n - 1])[p->pos[n - 1]].ei_block = key(p->node[n], 0);
        node_changed(i, p, n - 1);
        if (p->pos[n - 1] != 0)
            return;
    }
}

/* The first key after what the path points at, or `none`. */
static uint32_t
next_key(struct ext_path *p, uint32_t none)
{
    for (int n = p->depth; n >= 0; n--) {
        if (p->pos[n] + 1 < p->node[n]->eh_entries)
            return key(p->node[n], p->pos[n] + 1);
    }
    return none;
}

int
extent_find(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out)
{
    struct ext_path p;
    int err = path_load(i, block, &p), n;
    uint32_t next;

    if (err != 0)
        return err;
    n = p.pos[p.depth];
    if (n >= 0) {
        const struct ext4_extent *e = &leaf_of(p.node[p.depth])[n];
        uint32_t skip = block - e->ee_block;

        if (skip < extent_len(e)) {
            *out = (struct ext4_map){ extent_start(e) + skip, MIN(max, extent_len(e) - skip),
                                      extent_unwritten(e) ? MAP_UNWRITTEN : 0 };
            path_drop(&p);
            return 0;
        }
    }
    next = next_key(&p, UINT32_MAX);
    *out = (struct ext4_map){ 0, next > block ? MIN(max, next - block) : 1, 0 };
    path_drop(&p);
    return 0;
}

static int
new_node(struct ext4_inode *i, struct ext4_extent_header *like, uint64_t *block, struct page **page,
         struct ext4_extent_header **out)
{
    uint32_t got;
    void *data;
    int err = blocks_alloc(i->fs, map_goal(i, 0), 1, block, &got);

    if (err != 0)
        return err;
    err = meta_get_zeroed(i->fs, *block, page, &data);
    if (err != 0) {
        blocks_free(i->fs, *block, 1);
        return err;
    }
    map_charge(i, 1);
    *out = data;
    **out = (struct ext4_extent_header){ EXTENT_MAGIC, 0, (uint16_t)node_capacity(i->fs), like->eh_depth, 0 };
    return 0;
}

/* The tree gets one level deeper: the root's entries move to a block. */
static int
grow(struct ext4_inode *i, struct ext_path *p)
{
    struct ext4_extent_header *root = p->node[0], *h;
    struct ext_path q = { .depth = 1 };
    uint64_t block;
    int err;

    if (root->eh_depth >= EXTENT_DEPTH_MAX)
        return -EFBIG;
    err = new_node(i, root, &block, &q.page[1], &h);
    if (err != 0)
        return err;
    memcpy(h + 1, root + 1, root->eh_entries * sizeof(struct ext4_extent));
    h->eh_entries = root->eh_entries;
    q.node[1] = h;
    root->eh_depth++;
    root->eh_entries = 1;
    *index_of(root) = (struct ext4_extent_idx){ key(h, 0), (uint32_t)block, (uint16_t)(block >> 32), 0 };
    node_changed(i, &q, 1);
    meta_set_order(i->fs, q.page[1], h, ORDER_FIRST);
    inode_changed(&i->vfs);
    cache_unpin(q.page[1]);
    return 0;
}

/* The full node at `level` gives its upper half (its last entry, when the file is being appended to) to a new neighbour. */
static int
split(struct ext4_inode *i, struct ext_path *p, int level)
{
    struct ext4_extent_header *h = p->node[level], *up = p->node[level - 1], *fresh;
    struct ext_path q = { .depth = 1 };
    int keep = p->pos[level] == h->eh_entries - 1 ? h->eh_entries - 1 : h->eh_entries / 2, at = p->pos[level - 1] + 1;
    uint64_t block;
    bool was_new;
    int err = new_node(i, h, &block, &q.page[1], &fresh);

    if (err != 0)
        return err;
    q.node[1] = fresh;
    fresh->eh_entries = (uint16_t)(h->eh_entries - keep);
    memcpy(fresh + 1, leaf_of(h) + keep, fresh->eh_entries * sizeof(struct ext4_extent));
    h->eh_entries = (uint16_t)keep;
    memmove(index_of(up) + at + 1, index_of(up) + at, (size_t)(up->eh_entries - at) * sizeof(struct ext4_extent_idx));
    index_of(up)[at] = (struct ext4_extent_idx){ key(fresh, 0), (uint32_t)block, (uint16_t)(block >> 32), 0 };
    up->eh_entries++;
    node_changed(i, &q, 1);
    meta_set_order(i->fs, q.page[1], fresh, ORDER_FIRST);
    was_new = meta_get_order(i->fs, p->page[level], h) == ORDER_FIRST;
    node_changed(i, p, level);
    if (!was_new)
        meta_set_order(i->fs, p->page[level], h, ORDER_AFTER_INODES);
    node_changed(i, p, level - 1);
    cache_unpin(q.page[1]);
    return 0;
}

/* One step towards room in the leaf: splits the topmost full node whose parent is not full, or grows the tree. */
static int
make_room(struct ext4_inode *i, struct ext_path *p)
{
    int level = p->depth;

    while (level > 0 && p->node[level - 1]->eh_entries >= p->node[level - 1]->eh_max)
        level--;
    return level == 0 ? grow(i, p) : split(i, p, level);
}

static bool
merge(struct ext4_inode *i, struct ext_path *p, uint32_t block, uint64_t start, uint32_t count, bool unwritten)
{
    struct ext4_extent_header *h = p->node[p->depth];
    int n = p->pos[p->depth];
    uint32_t limit = unwritten ? EXTENT_LEN_MAX - 1 : EXTENT_LEN_MAX;
    struct ext4_extent *e;

    if (n >= 0) {
        e = &leaf_of(h)[n];
        if (e->ee_block + extent_len(e) == block && extent_start(e) + extent_len(e) == start && extent_unwritten(e) == unwritten &&
            extent_len(e) + count <= limit) {
            e->ee_len = (uint16_t)(e->ee_len + count);
            node_changed(i, p, p->depth);
            return true;
        }
    }
    if (n + 1 < h->eh_entries) {
        e = &leaf_of(h)[n + 1];
        if (block + count == e->ee_block && start + count == extent_start(e) && extent_unwritten(e) == unwritten &&
            extent_len(e) + count <= limit) {
            extent_set(e, block, start, extent_len(e) + count, unwritten);
            node_changed(i, p, p->depth);
            if (n + 1 == 0)
                keys_changed(i, p, p->depth);
            return true;
        }
    }
    return false;
}

static int
insert(struct ext4_inode *i, uint32_t block, uint64_t start, uint32_t count, bool unwritten)
{
    struct ext_path p;
    int err;

    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct ext4_extent_header *h;
        int at;

        err = path_load(i, block, &p);
        if (err != 0)
            return err;
        h = p.node[p.depth];
        at = p.pos[p.depth] + 1;
        if (merge(i, &p, block, start, count, unwritten)) {
            path_drop(&p);
            return 0;
        }
        if (h->eh_entries < h->eh_max) {
            memmove(leaf_of(h) + at + 1, leaf_of(h) + at, (size_t)(h->eh_entries - at) * sizeof(struct ext4_extent));
            extent_set(&leaf_of(h)[at], block, start, count, unwritten);
            h->eh_entries++;
            node_changed(i, &p, p.depth);
            if (at == 0)
                keys_changed(i, &p, p.depth);
            path_drop(&p);
            return 0;
        }
        err = make_room(i, &p);
        path_drop(&p);
        if (err != 0)
            return err;
    }
    return ext4_bad(i->fs, "no room in extent tree of inode", i->vfs.ino);
}

int
extent_insert(struct ext4_inode *i, uint32_t block, uint64_t start, uint32_t count)
{
    return insert(i, block, start, count, false);
}

/* The node at `level` has lost its last entry: it goes, and so does its parent when that was its only child. */
static void
drop_empty(struct ext4_inode *i, struct ext_path *p)
{
    int level;

    for (level = p->depth; level > 0 && p->node[level]->eh_entries == 0; level--) {
        struct ext4_extent_header *up = p->node[level - 1];
        int at = p->pos[level - 1];
        uint64_t block = index_block(&index_of(up)[at]);

        memmove(index_of(up) + at, index_of(up) + at + 1, (size_t)(up->eh_entries - at - 1) * sizeof(struct ext4_extent_idx));
        up->eh_entries--;
        cache_unpin(p->page[level]);
        p->page[level] = NULL;
        cache_forget(i->fs->space, block << i->fs->block_bits, i->fs->block_size);
        blocks_release(i, block, 1);
        map_charge(i, -1);
        node_changed(i, p, level - 1);
        if (at == 0)
            keys_changed(i, p, level - 1);
    }
    if (p->node[0]->eh_entries == 0) {
        p->node[0]->eh_depth = 0;
        inode_changed(&i->vfs);
    }
}

/* Takes from..to out of the extent that the path points at. Sets *low to where it began to cut. */
static int
cut(struct ext4_inode *i, struct ext_path *p, uint32_t from, uint32_t to, bool free, uint32_t *low)
{
    struct ext4_extent_header *h = p->node[p->depth];
    int n = p->pos[p->depth];
    struct ext4_extent *e = &leaf_of(h)[n], old = *e;
    uint32_t first = old.ee_block, end = first + extent_len(&old), a = MAX(first, from), b = MIN(end, to);
    uint64_t start = extent_start(&old);
    bool unwritten = extent_unwritten(&old), emptied = false;
    int err = 0;

    *low = a;
    if (a == first && b == end) {
        memmove(e, e + 1, (size_t)(h->eh_entries - n - 1) * sizeof(*e));
        h->eh_entries--;
        emptied = h->eh_entries == 0;
    } else if (a == first) {
        extent_set(e, b, start + (b - first), end - b, unwritten);
    } else {
        extent_set(e, first, start, a - first, unwritten);
    }
    node_changed(i, p, p->depth);
    if (n == 0 && a == first)
        keys_changed(i, p, p->depth);
    if (emptied)
        drop_empty(i, p);
    if (a != first && b != end) {
        err = insert(i, b, start + (b - first), end - b, unwritten);
        if (err != 0) {                 /* nothing moved: the node is still where it was */
            *e = old;
            node_changed(i, p, p->depth);
            return err;
        }
    }
    if (free) {
        blocks_release(i, start + (a - first), b - a);
        map_charge(i, -(int64_t)(b - a));
    }
    return 0;
}

int
extent_remove(struct ext4_inode *i, uint32_t from, uint32_t to, bool free)
{
    while (to > from) {
        struct ext_path p;
        int err = path_load(i, to - 1, &p), n;
        const struct ext4_extent *e;

        if (err != 0)
            return err;
        n = p.pos[p.depth];
        e = n >= 0 ? &leaf_of(p.node[p.depth])[n] : NULL;
        if (e == NULL && p.depth > 0 && key(p.node[p.depth - 1], p.pos[p.depth - 1]) < to) {
            to = key(p.node[p.depth - 1], p.pos[p.depth - 1]);  /* an index key smaller than what lies below it */
        } else if (e == NULL || e->ee_block + extent_len(e) <= from) {
            to = from;
        } else {
            err = cut(i, &p, from, to, free, &to);
        }
        path_drop(&p);
        if (err != 0)
            return err;
    }
    return 0;
}
