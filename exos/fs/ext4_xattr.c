/*
 * ext4_xattr.c: extended attributes on disk: behind an inode's fields, and in a block that several inodes may share.
 *
 * Holds:    all of an inode's attributes are read, and written, at once. What was in the inode stays there; what is new goes there if it
 *           fits, else to the block. A shared block is not changed: the inode gets its own.
 * Locks:    the inode's own; writing is inside a change.
 */
#include "base/mem.h"
#include "fs/ext4.h"
#include "fs/xattr.h"

#define ENTRY_HEAD 16u                  /* of struct ext4_xattr_entry */
#define ROUND(n) (((n) + 3u) & ~3u)
#define END_SIZE 4u                     /* a zero word ends the entries */
#define VALUE_SHIFT 16
#define NAME_SHIFT 5

/* What a number in e_name_index stands for. */
static const char *const prefixes[] = { [1] = "user.", [2] = "system.posix_acl_access", [3] = "system.posix_acl_default", [4] = "trusted.",
                                        [6] = "security.", [7] = "system." };

/* The index of the name's prefix, whose length is *len; 0: the format has none for it. */
static unsigned
index_of(const char *name, size_t *len)
{
    for (unsigned n = 1; n < ARRAY_SIZE(prefixes); n++) {
        *len = prefixes[n] != NULL ? strlen(prefixes[n]) : 0;
        if (*len > 0 && strncmp(name, prefixes[n], *len) == 0)
            return n;
    }
    return 0;
}

/* Bytes that the attribute takes, entry and value. */
static uint32_t
space_of(const struct xattr *x)
{
    size_t prefix;

    (void)index_of(x->name, &prefix);
    return ROUND(ENTRY_HEAD + (uint32_t)(x->name_len - prefix)) + ROUND(x->size);
}

/* ---- reading ---- */

static int
bad(const struct ext4_inode *i)
{
    return ext4_bad(i->fs, "extended attributes of inode", i->vfs.ino);
}

static int
add_entry(struct ext4_inode *i, const struct ext4_xattr_entry *e, const uint8_t *value, enum xattr_place place, struct list *set)
{
    char name[XATTR_NAME_MAX + 32];
    const char *prefix = e->e_name_index < ARRAY_SIZE(prefixes) ? prefixes[e->e_name_index] : NULL;
    void *copy = NULL;
    int len, err;

    if (prefix == NULL)                 /* we could not write it again */
        return -EOPNOTSUPP;
    if (e->e_value_inum != 0)
        return bad(i);
    len = fmt_print(name, sizeof(name), "%s", prefix);
    memcpy(name + len, e->e_name, e->e_name_len);
    if (e->e_value_size > 0) {
        copy = heap_alloc(e->e_value_size);
        if (copy == NULL)
            return -ENOMEM;
        memcpy(copy, value, e->e_value_size);
    }
    err = xattr_add(set, name, (size_t)len + e->e_name_len, copy, e->e_value_size);
    if (err == 0)
        container_of(set->prev, struct xattr, link)->place = place;
    return err;
}

/* Entries that begin at `first` bytes of the `size` at base; values are counted from base + value_base. */
static int
read_entries(struct ext4_inode *i, const uint8_t *base, uint32_t first, uint32_t size, uint32_t value_base, enum xattr_place place,
             struct list *set)
{
    uint32_t at = first;
    int err = 0;

    for (;;) {
        const struct ext4_xattr_entry *e = (const struct ext4_xattr_entry *)(base + at);
        uint64_t value;

        if (at + END_SIZE > size)
            return bad(i);
        if (*(const half_t *)(base + at) == 0)
            return 0;
        if (at + ENTRY_HEAD > size || at + ROUND(ENTRY_HEAD + e->e_name_len) > size)
            return bad(i);
        value = (uint64_t)value_base + e->e_value_offs;
        if (e->e_value_size > 0 && value + e->e_value_size > size)
            return bad(i);
        err = add_entry(i, e, base + value, place, set);
        if (err != 0)
            return err;
        at += ROUND(ENTRY_HEAD + e->e_name_len);
    }
}

static int
read_area(struct ext4_inode *i, struct list *set)
{
    uint32_t size = ext4_inode_area_size(i);
    uint8_t *area;
    int err;

    if (size < 2 * END_SIZE)
        return 0;
    area = heap_alloc(size);
    if (area == NULL)
        return -ENOMEM;
    err = ext4_inode_area_read(i, area);
    if (err == 0 && *(half_t *)area == XATTR_MAGIC)
        err = read_entries(i, area, END_SIZE, size, END_SIZE, XATTR_IN_INODE, set);
    heap_free(area);
    return err;
}

static uint32_t
block_sum(const struct ext4_fs *fs, uint64_t block, struct ext4_xattr_header *h)
{
    uint32_t old = h->h_checksum, sum;

    h->h_checksum = 0;
    sum = crc32c(crc32c(fs->csum_seed, &block, sizeof(block)), h, fs->block_size);
    h->h_checksum = old;
    return sum;
}

/* The inode's block of attributes, pinned and verified. */
static int
get_block(struct ext4_inode *i, struct page **page, struct ext4_xattr_header **out)
{
    struct ext4_fs *fs = i->fs;
    void *data;
    int err = block_is_data(fs, i->file_acl, 1) ? meta_get(fs, i->file_acl, page, &data) : bad(i);

    if (err != 0)
        return err;
    *out = data;
    if ((*out)->h_magic == XATTR_MAGIC && (*out)->h_blocks == 1 && (!fs->csum || (*out)->h_checksum == block_sum(fs, i->file_acl, *out)))
        return 0;
    cache_unpin(*page);
    return bad(i);
}

static int
read_block(struct ext4_inode *i, struct list *set)
{
    struct ext4_xattr_header *h;
    struct page *page;
    int err;

    if (i->file_acl == 0)
        return 0;
    err = get_block(i, &page, &h);
    if (err != 0)
        return err;
    err = read_entries(i, (const uint8_t *)h, sizeof(*h), i->fs->block_size, 0, XATTR_IN_BLOCK, set);
    cache_unpin(page);
    return err;
}

int
ext4_xattr_read(struct inode *v, struct list *set)
{
    int err = read_area(ext4_inode(v), set);

    return err != 0 ? err : read_block(ext4_inode(v), set);
}

/* ---- where each goes ---- */

static uint32_t
space_at(const struct list *set, enum xattr_place place)
{
    uint32_t total = 0;

    list_for(l, set) {
        const struct xattr *x = container_of(l, struct xattr, link);

        total += x->place == place ? space_of(x) : 0;
    }
    return total;
}

/* Everything gets its place; -ENOSPC: it does not fit. */
static int
place_all(const struct ext4_inode *i, struct list *set)
{
    uint32_t area = ext4_inode_area_size(i), room = area > 2 * END_SIZE ? area - 2 * END_SIZE : 0, used = space_at(set, XATTR_IN_INODE);

    list_for(l, set) {
        struct xattr *x = container_of(l, struct xattr, link);

        if (x->place != XATTR_NEW)
            continue;
        x->place = used + space_of(x) <= room ? XATTR_IN_INODE : XATTR_IN_BLOCK;
        used += x->place == XATTR_IN_INODE ? space_of(x) : 0;
    }
    room = i->fs->block_size - (uint32_t)sizeof(struct ext4_xattr_header) - END_SIZE;
    return space_at(set, XATTR_IN_BLOCK) <= room ? 0 : -ENOSPC;
}

/* ---- writing ---- */

static uint32_t
entry_hash(const struct ext4_xattr_entry *e, const uint8_t *value)
{
    uint32_t hash = 0;

    for (uint32_t n = 0; n < e->e_name_len; n++)
        hash = (hash << NAME_SHIFT) ^ (hash >> (32 - NAME_SHIFT)) ^ (uint8_t)e->e_name[n];
    for (uint32_t n = 0; n < ROUND(e->e_value_size); n += 4)
        hash = (hash << VALUE_SHIFT) ^ (hash >> (32 - VALUE_SHIFT)) ^ *(const half_t *)(value + n);
    return hash;
}

/* In a block entries are ordered by index, length of the name, name. */
static bool
sorts_before(const struct xattr *a, const struct xattr *b)
{
    size_t skip_a, skip_b, len_a, len_b;
    unsigned index_a = index_of(a->name, &skip_a), index_b = index_of(b->name, &skip_b);

    len_a = a->name_len - skip_a;
    len_b = b->name_len - skip_b;
    if (index_a != index_b)
        return index_a < index_b;
    return len_a != len_b ? len_a < len_b : memcmp(a->name + skip_a, b->name + skip_b, len_a) < 0;
}

/* The attribute that comes next after `last` (NULL: first) among those at the place: in the list's order, or in a block's. */
static const struct xattr *
next_at(const struct list *set, enum xattr_place place, const struct xattr *last)
{
    const struct xattr *best = NULL;

    for (const struct list *l = last != NULL && place == XATTR_IN_INODE ? last->link.next : set->next; l != set; l = l->next) {
        const struct xattr *x = container_of(l, const struct xattr, link);

        if (x->place != place)
            continue;
        if (place == XATTR_IN_INODE)
            return x;
        if ((last == NULL || sorts_before(last, x)) && (best == NULL || sorts_before(x, best)))
            best = x;
    }
    return best;
}

/* All at the place: entries from `first` on, values before `size`, counted from value_base. Zeros lie in between. */
static uint32_t
write_entries(const struct list *set, enum xattr_place place, uint8_t *base, uint32_t first, uint32_t size, uint32_t value_base)
{
    uint32_t at = first, end = size, all = 0;

    for (const struct xattr *x = next_at(set, place, NULL); x != NULL; x = next_at(set, place, x)) {
        struct ext4_xattr_entry *e = (struct ext4_xattr_entry *)(base + at);
        size_t skip;

        e->e_name_index = (uint8_t)index_of(x->name, &skip);
        e->e_name_len = (uint8_t)(x->name_len - skip);
        memcpy(e->e_name, x->name + skip, e->e_name_len);
        e->e_value_size = x->size;
        if (x->size > 0) {
            end -= ROUND(x->size);
            memcpy(base + end, x->value, x->size);
            e->e_value_offs = (uint16_t)(end - value_base);
        }
        if (place == XATTR_IN_BLOCK)
            e->e_hash = entry_hash(e, base + end);
        all = (all << VALUE_SHIFT) ^ (all >> (32 - VALUE_SHIFT)) ^ e->e_hash;
        at += ROUND(ENTRY_HEAD + e->e_name_len);
    }
    return all;
}

static int
write_area(struct ext4_inode *i, const struct list *set)
{
    uint32_t size = ext4_inode_area_size(i);
    uint8_t *area = heap_alloc(MAX(size, 1u));
    int err;

    if (area == NULL)
        return -ENOMEM;
    if (next_at(set, XATTR_IN_INODE, NULL) != NULL) {
        *(half_t *)area = XATTR_MAGIC;
        write_entries(set, XATTR_IN_INODE, area, END_SIZE, size, END_SIZE);
    }
    err = ext4_inode_area_write(i, area);
    heap_free(area);
    return err;
}

static void
sum_and_dirty(struct ext4_fs *fs, uint64_t block, struct page *page, struct ext4_xattr_header *h)
{
    if (fs->csum)
        h->h_checksum = block_sum(fs, block, h);
    meta_dirty(fs, page, h, META_RAW);
}

void
ext4_xattr_drop_block(struct ext4_inode *i)
{
    struct ext4_xattr_header *h;
    struct page *page;

    if (i->file_acl == 0 || get_block(i, &page, &h) != 0)
        return;
    if (h->h_refcount > 1) {
        h->h_refcount--;
        sum_and_dirty(i->fs, i->file_acl, page, h);
    } else {
        blocks_release(i, i->file_acl, 1);
        cache_forget(i->fs->space, i->file_acl << i->fs->block_bits, i->fs->block_size);
    }
    map_charge(i, -1);
    i->file_acl = 0;
    cache_unpin(page);
}

/* A block of the inode's own, new if it has none or shares one, empty but for its header. */
static int
own_block(struct ext4_inode *i, struct page **page, struct ext4_xattr_header **h)
{
    struct ext4_fs *fs = i->fs;
    uint64_t block = 0;
    uint32_t got;
    void *data;
    int err = i->file_acl != 0 ? get_block(i, page, h) : 0;

    if (err != 0)
        return err;
    if (i->file_acl != 0 && (*h)->h_refcount == 1) {
        memset(*h, 0, fs->block_size);
    } else {
        if (i->file_acl != 0)
            cache_unpin(*page);
        err = blocks_alloc(fs, map_goal(i, 0), 1, &block, &got);
        if (err == 0)
            err = meta_get_zeroed(fs, block, page, &data);
        if (err != 0) {
            if (block != 0)
                blocks_free(fs, block, 1);
            return err;
        }
        ext4_xattr_drop_block(i);
        *h = data;
        i->file_acl = block;
        map_charge(i, 1);
    }
    (*h)->h_magic = XATTR_MAGIC;
    (*h)->h_refcount = (*h)->h_blocks = 1;
    return 0;
}

static int
write_block(struct ext4_inode *i, const struct list *set)
{
    struct ext4_xattr_header *h;
    struct page *page;
    int err;

    if (next_at(set, XATTR_IN_BLOCK, NULL) == NULL) {
        ext4_xattr_drop_block(i);
        return 0;
    }
    err = own_block(i, &page, &h);
    if (err != 0)
        return err;
    h->h_hash = write_entries(set, XATTR_IN_BLOCK, (uint8_t *)h, sizeof(*h), i->fs->block_size, 0);
    sum_and_dirty(i->fs, i->file_acl, page, h);
    cache_unpin(page);
    return 0;
}

int
ext4_xattr_write(struct inode *v, struct list *set)
{
    struct ext4_inode *i = ext4_inode(v);
    int err = place_all(i, set);

    if (err == 0) {
        own_take(&v->map_own);
        err = write_block(i, set);
        own_drop(&v->map_own);
    }
    if (err == 0)
        err = write_area(i, set);
    if (err == 0 && !(i->fs->super->s_feature_compat & COMPAT_EXT_ATTR)) {
        i->fs->super->s_feature_compat |= COMPAT_EXT_ATTR;
        i->fs->written_state = 0;
    }
    return err;
}
