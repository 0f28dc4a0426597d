/*
 * ext4_dir.c: the entries of a directory, block by block.
 *
 * Holds:    blocks are read linearly; an index (htree) is a valid linear directory by design of the format. Before the first change
 *           of an indexed directory its index blocks become ordinary empty ones and the INDEX flag goes.
 * Locks:    the directory's own; its map_own while a block is looked up.
 */
#include "fs/ext4.h"

static uint32_t
dir_blocks(const struct ext4_inode *dir)
{
    return (uint32_t)(dir->vfs.size_dir >> dir->fs->block_bits);
}

static struct ext4_dirent *
entry_at(uint8_t *block, uint32_t off)
{
    return (struct ext4_dirent *)(block + off);
}

static struct ext4_dir_tail *
tail_of(const struct ext4_fs *fs, uint8_t *block)
{
    return (struct ext4_dir_tail *)(block + fs->block_size - sizeof(struct ext4_dir_tail));
}

static bool
has_tail(const struct ext4_fs *fs, uint8_t *block)
{
    const struct ext4_dir_tail *t = tail_of(fs, block);

    return t->zero1 == 0 && t->rec_len == sizeof(*t) && t->zero2 == 0 && t->type == DIRENT_TAIL_TYPE;
}

static uint32_t
block_sum(const struct ext4_fs *fs, uint32_t seed, const uint8_t *block)
{
    return crc32c(seed, block, fs->block_size - sizeof(struct ext4_dir_tail));
}

void
dir_sum(struct ext4_fs *fs, uint8_t *block, uint32_t seed)
{
    if (has_tail(fs, block))
        tail_of(fs, block)->checksum = block_sum(fs, seed, block);
}

/* A block of the index: the root (after "." and ".."), or a node (one empty entry over the whole block). */
static bool
is_index_block(const struct ext4_inode *dir, uint8_t *block, uint32_t lblock)
{
    uint32_t size = dir->fs->block_size;

    if (!(dir->flags & INODE_INDEX_FL))
        return false;
    if (lblock == 0)
        return entry_at(block, 0)->rec_len == 12 && entry_at(block, 12)->rec_len == size - 12;
    return entry_at(block, 0)->inode == 0 && entry_at(block, 0)->rec_len == size;
}

static int
check_block(struct ext4_inode *dir, uint8_t *block, uint32_t lblock)
{
    struct ext4_fs *fs = dir->fs;

    for (uint32_t off = 0, len; off < fs->block_size; off += len) {
        const struct ext4_dirent *e = entry_at(block, off);

        if (off + DIRENT_HEAD > fs->block_size)
            return ext4_bad(fs, "directory entry crosses its block in inode", dir->vfs.ino);
        len = e->rec_len;
        if (len < DIRENT_SPACE(1u) || len % 4 != 0 || off + len > fs->block_size || DIRENT_SPACE(e->name_len) > len ||
            e->inode > fs->super->s_inodes_count || (e->inode != 0 && e->name_len == 0))
            return ext4_bad(fs, "directory entry in inode", dir->vfs.ino);
    }
    if (!fs->csum || is_index_block(dir, block, lblock))
        return 0;
    if (!has_tail(fs, block) || tail_of(fs, block)->checksum != block_sum(fs, dir->csum_seed, block))
        return ext4_bad(fs, "directory block checksum in inode", dir->vfs.ino);
    return 0;
}

/* The pinned, verified block; -EUCLEAN for holes and damage. */
int
dir_block(struct ext4_inode *dir, uint32_t lblock, struct page **page, uint8_t **data)
{
    struct ext4_map m;
    void *block;
    int err;

    own_take(&dir->vfs.map_own);
    err = map_find(dir, lblock, 1, &m);
    own_drop(&dir->vfs.map_own);
    if (err == 0 && m.start == 0)
        err = ext4_bad(dir->fs, "hole in directory inode", dir->vfs.ino);
    if (err == 0)
        err = meta_get(dir->fs, m.start, page, &block);
    if (err != 0)
        return err;
    *data = block;
    if (!page_checked(*page, dir->fs, META_DIR)) {
        err = check_block(dir, block, lblock);
        if (err != 0)
            cache_unpin(*page);
        else
            page_set_checked(*page, META_DIR);
    }
    return err;
}

static void
block_changed(struct ext4_inode *dir, struct page *page, uint8_t *block)
{
    meta_sum(dir->fs, page, block, META_DIR, dir->csum_seed);
    meta_dirty(dir->fs, page, block, META_DIR);
}

/* The entry in the block at hand: its offset and its predecessor's, or false. */
static bool
find_in_block(const struct ext4_fs *fs, uint8_t *block, const char *name, size_t len, uint32_t *offset, uint32_t *prev)
{
    uint32_t before = 0;

    for (uint32_t off = 0; off < fs->block_size;) {
        const struct ext4_dirent *e = entry_at(block, off);

        if (e->name_len == len && e->inode != 0 && e->name[0] == name[0] && memcmp(e->name, name, len) == 0) {
            *offset = off;
            *prev = before;
            return true;
        }
        before = off;
        off += e->rec_len;
    }
    return false;
}

/* Finds a name; the slot's page is pinned for the caller. -ENOENT. */
int
dir_find(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *out)
{
    uint32_t blocks = dir_blocks(dir);

    for (uint32_t n = 0; n < blocks; n++) {
        int err = dir_block(dir, n, &out->page, &out->block);

        if (err != 0)
            return err;
        if (find_in_block(dir->fs, out->block, name, len, &out->offset, &out->prev)) {
            out->lblock = n;
            return 0;
        }
        cache_unpin(out->page);
    }
    return -ENOENT;
}

static uint8_t
entry_type(const struct ext4_fs *fs, uint32_t mode)
{
    static const uint8_t types[16] = { [1] = 5, [2] = 3, [4] = 2, [6] = 4, [8] = 1, [10] = 7, [12] = 6 };

    return fs->filetype ? types[(mode >> 12) & 15] : 0;
}

/* Makes a block of one empty entry (and the tail). */
static void
clear_block(struct ext4_inode *dir, uint8_t *block, uint32_t from)
{
    struct ext4_fs *fs = dir->fs;
    uint32_t end = fs->block_size - (fs->csum ? (uint32_t)sizeof(struct ext4_dir_tail) : 0);

    memset(block + from, 0, fs->block_size - from);
    entry_at(block, from)->rec_len = (uint16_t)(end - from);
    if (fs->csum)
        *tail_of(fs, block) = (struct ext4_dir_tail){ 0, sizeof(struct ext4_dir_tail), 0, DIRENT_TAIL_TYPE, 0 };
}

/* The block as it is now, without names, must be on disk before the directory's inode is. */
static int
image_first(struct ext4_inode *dir, uint64_t where, uint8_t *block)
{
    if (dir->fs->csum)
        dir_sum(dir->fs, block, dir->csum_seed);
    return commit_image_first(dir->fs, where, block);
}

static uint64_t
page_block(const struct ext4_fs *fs, const struct page *page, const uint8_t *block)
{
    return ((page->index << PAGE_SHIFT) + (uint64_t)(block - page->data)) >> fs->block_bits;
}

/* Index blocks become ordinary blocks. */
static int
drop_index(struct ext4_inode *dir)
{
    for (uint32_t n = 0; n < dir_blocks(dir); n++) {
        struct page *page;
        uint8_t *block;
        int err = dir_block(dir, n, &page, &block);

        if (err != 0)
            return err;
        if (is_index_block(dir, block, n)) {
            if (n == 0) {
                entry_at(block, 12)->rec_len = 12;
                clear_block(dir, block, 24);
            } else {
                clear_block(dir, block, 0);
            }
            block_changed(dir, page, block);
            err = image_first(dir, page_block(dir->fs, page, block), block);
        }
        cache_unpin(page);
        if (err != 0)
            return err;
    }
    dir->flags &= ~(uint32_t)INODE_INDEX_FL;
    inode_changed(&dir->vfs);
    return 0;
}

/* Before the first change of an indexed directory. */
int
dir_unindex(struct ext4_inode *dir)
{
    return (dir->flags & INODE_INDEX_FL) ? drop_index(dir) : 0;
}

/* Writes the entry into the free space at off (of a record of room bytes, or after the entry that owns it). */
static void
write_entry(const struct ext4_fs *fs, uint8_t *block, uint32_t off, uint32_t room, const char *name, size_t len, uint32_t ino,
            uint32_t mode)
{
    struct ext4_dirent *e = entry_at(block, off);

    e->inode = ino;
    e->rec_len = (uint16_t)room;
    e->name_len = (uint8_t)len;
    e->file_type = entry_type(fs, mode);
    memcpy(e->name, name, len);
}

static bool
is_tail_entry(const struct ext4_fs *fs, uint32_t off, const struct ext4_dirent *e)
{
    return fs->csum && off + sizeof(struct ext4_dir_tail) == fs->block_size && e->inode == 0 && e->file_type == DIRENT_TAIL_TYPE;
}

static bool
add_in_block(const struct ext4_fs *fs, uint8_t *block, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
    uint32_t need = DIRENT_SPACE((uint32_t)len);

    for (uint32_t off = 0; off < fs->block_size; off += entry_at(block, off)->rec_len) {
        struct ext4_dirent *e = entry_at(block, off);
        uint32_t used = e->inode == 0 ? 0 : DIRENT_SPACE(e->name_len), room = e->rec_len;

        if (room - used < need || is_tail_entry(fs, off, e))
            continue;
        if (used > 0)
            e->rec_len = (uint16_t)used;
        write_entry(fs, block, off + used, room - used, name, len, ino, mode);
        return true;
    }
    return false;
}

/* A new block at the end, with one entry. */
static int
add_block(struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
    uint32_t lblock = dir_blocks(dir);
    struct ext4_map m;
    struct page *page;
    void *data;
    int err;

    own_take(&dir->vfs.map_own);
    err = map_create(dir, lblock, 1, &m);
    if (err == 0)
        err = meta_get_zeroed(dir->fs, m.start, &page, &data);
    own_drop(&dir->vfs.map_own);
    if (err != 0)
        return err;
    clear_block(dir, data, 0);
    if (!is_unborn(dir))
        err = image_first(dir, m.start, data);
    if (err != 0) {
        cache_unpin(page);
        return err;
    }
    add_in_block(dir->fs, data, name, len, ino, mode);
    block_changed(dir, page, data);
    if (is_unborn(dir))
        meta_set_order(dir->fs, page, data, ORDER_AFTER_INODES);
    cache_unpin(page);
    dir->vfs.size_dir += dir->fs->block_size;
    dir->dir_hint = lblock;
    inode_changed(&dir->vfs);
    return 0;
}

/* The name must not be there yet. */
int
dir_add(struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
    int err = dir_unindex(dir);

    for (uint32_t n = MIN(dir->dir_hint, dir_blocks(dir)); err == 0 && n < dir_blocks(dir); n++) {
        struct page *page;
        uint8_t *block;
        bool done;

        err = dir_block(dir, n, &page, &block);
        if (err != 0)
            return err;
        done = add_in_block(dir->fs, block, name, len, ino, mode);
        if (done)
            block_changed(dir, page, block);
        cache_unpin(page);
        if (done) {
            dir->dir_hint = n;
            return 0;
        }
    }
    return err != 0 ? err : add_block(dir, name, len, ino, mode);
}

/* Takes out what dir_find found, and unpins. The index must be gone already (dir_unindex). */
void
dir_remove(struct ext4_inode *dir, struct dir_slot *s)
{
    struct ext4_dirent *e = entry_at(s->block, s->offset);

    if (s->offset == 0) {
        e->inode = 0;
        e->name_len = 0;
        e->file_type = 0;
    } else {
        entry_at(s->block, s->prev)->rec_len = (uint16_t)(entry_at(s->block, s->prev)->rec_len + e->rec_len);
        memset(e, 0, DIRENT_HEAD);
    }
    block_changed(dir, s->page, s->block);
    cache_unpin(s->page);
    dir->dir_hint = MIN(dir->dir_hint, s->lblock);
}

/* The name, which is there, now leads to another inode. */
int
dir_set(struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint32_t mode)
{
    struct dir_slot s;
    int err = dir_find(dir, name, len, &s);

    if (err != 0)
        return err;
    entry_at(s.block, s.offset)->inode = ino;
    entry_at(s.block, s.offset)->file_type = entry_type(dir->fs, mode);
    block_changed(dir, s.page, s.block);
    cache_unpin(s.page);
    return 0;
}

static bool
is_dots(const struct ext4_dirent *e)
{
    return e->name[0] == '.' && (e->name_len == 1 || (e->name_len == 2 && e->name[1] == '.'));
}

int
dir_is_empty(struct ext4_inode *dir)
{
    for (uint32_t n = 0; n < dir_blocks(dir); n++) {
        struct page *page;
        uint8_t *block;
        bool empty = true;
        int err = dir_block(dir, n, &page, &block);

        if (err != 0)
            return err;
        for (uint32_t off = 0; off < dir->fs->block_size; off += entry_at(block, off)->rec_len)
            empty = empty && (entry_at(block, off)->inode == 0 || is_dots(entry_at(block, off)));
        cache_unpin(page);
        if (!empty)
            return 0;
    }
    return 1;
}

/* The first block of a new directory. */
int
dir_init(struct ext4_inode *dir, uint32_t parent)
{
    int err = add_block(dir, ".", 1, (uint32_t)dir->vfs.ino, S_IFDIR);

    return err != 0 ? err : dir_add(dir, "..", 2, parent, S_IFDIR);
}

/* Gives the entries of one block that lie at or after *pos to the sink. False: the sink is full. */
static bool
emit_block(struct ext4_inode *dir, uint8_t *block, uint64_t base, uint64_t *pos, struct dir_sink *sink)
{
    static const uint8_t dt[8] = { 0, 8, 4, 2, 6, 1, 12, 10 };

    for (uint32_t off = 0, len; off < dir->fs->block_size; off += len) {
        const struct ext4_dirent *e = entry_at(block, off);

        len = e->rec_len;
        if (base + off < *pos)
            continue;
        if (e->inode != 0 && !sink->entry(sink, e->name, e->name_len, e->inode, dir->fs->filetype ? dt[e->file_type & 7] : 0,
                                          base + off + len))
            return false;
        *pos = base + off + len;
    }
    return true;
}

int
ext4_readdir(struct inode *v, uint64_t *pos, struct dir_sink *sink)
{
    struct ext4_inode *dir = ext4_inode(v);
    uint32_t blocks = dir_blocks(dir);

    for (uint64_t n = *pos >> dir->fs->block_bits; n < blocks; n++) {
        struct page *page;
        uint8_t *block;
        bool more;
        int err = dir_block(dir, (uint32_t)n, &page, &block);

        if (err != 0)
            return err;
        more = emit_block(dir, block, n << dir->fs->block_bits, pos, sink);
        cache_unpin(page);
        if (!more)
            break;
        sched_point();
    }
    return 0;
}
