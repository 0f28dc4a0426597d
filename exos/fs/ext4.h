/*
 * ext4.h: what the ext4 files share: a mounted file system, its inodes, its metadata blocks.
 *
 * Metadata is changed in the device's cached pages. Ownership: the allocator (fs->own) for bitmaps, descriptors and counts; an
 * inode's map_own for its block map; a directory's own for its blocks.
 */
#ifndef EXOS_FS_EXT4_H
#define EXOS_FS_EXT4_H

#include "fs/ext4_format.h"
#include "fs/inode.h"

struct ext4_fs {
    struct mount *mnt;
    struct cache_space *space;          /* the device */
    struct own own;                     /* allocator */
    struct page *super_page;
    struct ext4_super *super;           /* in super_page, pinned while mounted */
    struct page **gdt;                  /* descriptor pages, pinned while mounted */
    uint32_t gdt_pages;
    uint32_t block_bits, block_size;
    uint64_t block_count;
    uint32_t group_count, desc_size, inode_size, inodes_per_group, blocks_per_group, first_ino;
    bool csum, gdt_csum, filetype, extents;
    uint32_t csum_seed;
    uint64_t free_blocks;               /* the superblock's own count is written at sync */
    uint32_t free_inodes;
    uint32_t written_state;             /* s_state as last written, plus 1; 0: not yet */
    bool writing;                       /* mounted for writing; after damage the mount is read-only and what is dirty still goes out */
    bool failed;                        /* a commit could not be written: nothing is any more */
    bool unclean;                       /* was not unmounted: bitmaps and the descriptors that count and sum them may disagree */
    /* ---- ext4_commit.c ---- */
    struct own commit_own;
    struct lock change_lock;            /* the next four */
    uint32_t changers;
    bool commit_wanted, frozen;
    struct waitq changers_gone, thawed;
    uint64_t epoch;                     /* commits ended */
    uint64_t dirty_max;                 /* metadata pages */
    struct list losing;                 /* struct ext4_inode.losing_link: referenced; their lost names are still on disk */
    struct list kept;                   /* struct ext4_inode.kept_link: referenced until the commit ends */
    struct list firsts;                 /* struct first_image.link */
    struct freed_chunk *freed;          /* under own: blocks that an inode on disk may still have */
    uint64_t freed_blocks;
    uint32_t next_generation;           /* of inodes: from a random start */
    struct list reserving;              /* struct ext4_inode.reserve_link */
};

struct ext4_inode {
    struct inode vfs;
    struct ext4_fs *fs;
    uint32_t flags, generation;
    uint64_t file_acl;
    uint32_t extra_isize;
    uint32_t block[EXT4_N_BLOCKS];      /* direct and indirect blocks, or the root of the extent tree, or a short link's text */
    uint32_t csum_seed;
    /* The last mapping found: what makes sequential access cheap. map_len 0: none. */
    uint32_t map_block, map_len;
    uint64_t map_start;
    /* Blocks taken from the bitmap ahead of need; given back at last close. Under fs->own. */
    uint64_t reserve_start;
    uint32_t reserve_len, reserve_want;
    struct list reserve_link;
    uint64_t born, touched;             /* epochs: made in; names or blocks last changed in */
    uint64_t committed_size;
    uint32_t lost;                      /* names that are gone in memory and may still be on disk: counted in the disk's link count */
    struct list losing_link, kept_link;
    uint32_t dir_hint;                  /* directories: first block that may have room */
};

static inline struct ext4_inode *
ext4_inode(struct inode *i)
{
    return container_of(i, struct ext4_inode, vfs);
}

static inline struct ext4_fs *
ext4_fs_of(struct inode *i)
{
    return i->mnt->priv;
}

extern const struct inode_ops ext4_inode_ops;
extern const struct cache_ops ext4_data_ops;

/* ---- metadata blocks: `*data` is the block inside the pinned page ---- */
int meta_get(struct ext4_fs *fs, uint64_t block, struct page **page, void **data) MUST_USE;
int meta_get_zeroed(struct ext4_fs *fs, uint64_t block, struct page **page, void **data) MUST_USE;
/*
 * What a metadata page was verified to be since it was read or last changed as something else (pages of blocks smaller than a page
 * are verified at every use). A damaged file system may use one block as two things: each use trusts only its own verdict.
 */
enum meta_kind { META_RAW, META_EXTENT, META_DIR, META_BLOCK_BITMAP, META_INODE_BITMAP, META_TABLE, META_INODES };
/*
 * Which blocks a commit writes after which. First: bitmaps, descriptors, nodes and tables of block maps that nothing on disk names
 * yet. Then what names those: inodes and older nodes. Then nodes that gave entries to new ones, and the blocks of new directories.
 * Then directories: those that a rename moved a name to before those that it took one from.
 */
enum meta_order { ORDER_FIRST, ORDER_INODES, ORDER_AFTER_INODES, ORDER_DIRS_GAIN, ORDER_DIRS, ORDER_DIRS_LOSE };
void meta_set_order(struct ext4_fs *fs, struct page *page, const void *data, enum meta_order order);
/* Of a dirty block; ORDER_DIRS of a clean one. */
enum meta_order meta_get_order(struct ext4_fs *fs, struct page *page, const void *data);
static inline bool
page_checked(const struct page *p, const struct ext4_fs *fs, enum meta_kind kind)
{
    return fs->block_bits == PAGE_SHIFT && p->kind == kind;
}
static inline void
page_set_checked(struct page *p, enum meta_kind kind)
{
    p->kind = (uint8_t)kind;
}
void meta_dirty(struct ext4_fs *fs, struct page *page, const void *data, enum meta_kind kind);
/*
 * A block that carries (or whose group carries) a checksum has changed: the checksum is made when the page is written, if the page
 * is the block; else now. arg: the seed of a directory, the number of a group.
 */
void meta_sum(struct ext4_fs *fs, struct page *page, void *data, enum meta_kind kind, uint32_t arg);
void dir_sum(struct ext4_fs *fs, uint8_t *block, uint32_t seed);
void bitmap_sum_store(struct ext4_fs *fs, uint32_t group, const uint8_t *map, bool inodes);
/* Logs a damaged structure once per call and marks the file system as having errors. Returns -EUCLEAN. */
int ext4_bad(struct ext4_fs *fs, const char *what, uint64_t where);
/* The same for damage that makes every further change dangerous: the mount becomes read-only. */
int ext4_stop(struct ext4_fs *fs, const char *what, uint64_t where);
/* The disk has failed in the middle of a commit: what is on it is marked as damaged, if that can be written, and stays as it is. */
void ext4_fail(struct ext4_fs *fs);

/* ---- the order of writing (ext4_commit.c) ---- */
void commit_init(struct ext4_fs *fs);
void commit_end(struct ext4_fs *fs);
/* Between begin and end metadata may change. A commit waits for all who have begun; inner: the caller may have begun already. */
void change_begin(struct ext4_fs *fs);
void change_begin_inner(struct ext4_fs *fs);
void change_end(struct ext4_fs *fs);
int ext4_commit(struct ext4_fs *fs) MUST_USE;
int ext4_fsync(struct inode *i, bool data_only) MUST_USE;
bool ext4_make_room(struct inode *i);
/* The inode's names or blocks change. */
static inline void
commit_touch(struct ext4_inode *i)
{
    i->touched = i->fs->epoch;
}
/* Is the inode so new that nothing on disk has it? */
static inline bool
is_unborn(const struct ext4_inode *i)
{
    return i->born == i->fs->epoch;
}
/* Its link count has just fallen by n. */
void commit_lose_names(struct ext4_inode *i, uint32_t n);
/* Blocks that i had: free once no inode on disk has them. */
void blocks_release(struct ext4_inode *i, uint64_t start, uint64_t count);
/* What the block holds now goes to disk before everything else of the next commit. */
int commit_image_first(struct ext4_fs *fs, uint64_t block, const void *data) MUST_USE;
void super_write(struct ext4_fs *fs);

/* ---- checksums (crc.c) ---- */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
uint16_t crc16(uint16_t crc, const void *data, size_t n);

/* ---- groups (ext4_group.c, ext4_bitmap.c) ---- */
struct ext4_group *group_desc(struct ext4_fs *fs, uint32_t group);
void group_changed(struct ext4_fs *fs, uint32_t group);
uint64_t group_block_bitmap(const struct ext4_fs *fs, const struct ext4_group *g);
uint64_t group_inode_bitmap(const struct ext4_fs *fs, const struct ext4_group *g);
uint64_t group_inode_table(const struct ext4_fs *fs, const struct ext4_group *g);
uint32_t group_free_blocks(const struct ext4_fs *fs, const struct ext4_group *g);
void group_add_free_blocks(const struct ext4_fs *fs, struct ext4_group *g, int delta);
uint32_t group_free_inodes(const struct ext4_fs *fs, const struct ext4_group *g);
void group_add_free_inodes(const struct ext4_fs *fs, struct ext4_group *g, int delta);
uint32_t group_used_dirs(const struct ext4_fs *fs, const struct ext4_group *g);
void group_add_used_dirs(const struct ext4_fs *fs, struct ext4_group *g, int delta);
uint32_t group_itable_unused(const struct ext4_fs *fs, const struct ext4_group *g);
void group_set_itable_unused(const struct ext4_fs *fs, struct ext4_group *g, uint32_t n);
uint32_t group_block_count(const struct ext4_fs *fs, uint32_t group);
uint64_t group_first_block(const struct ext4_fs *fs, uint32_t group);
bool group_has_super(const struct ext4_fs *fs, uint32_t group);
bool block_is_data(const struct ext4_fs *fs, uint64_t block, uint64_t count);
/* The first clear bit of a bitmap at or after `from`, or `end`. */
uint32_t bit_next_clear(const uint8_t *map, uint32_t from, uint32_t end);
int group_load_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map) MUST_USE;
int group_load_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page **page, uint8_t **map) MUST_USE;
void group_store_block_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map);
void group_store_inode_bitmap(struct ext4_fs *fs, uint32_t group, struct page *page, uint8_t *map);

/* ---- allocation (ext4_balloc.c, ext4_ialloc.c) ---- */
/* 1 to want contiguous blocks, near goal. -ENOSPC. */
int blocks_alloc(struct ext4_fs *fs, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got) MUST_USE;
void blocks_free(struct ext4_fs *fs, uint64_t start, uint64_t count);
void blocks_free_owned(struct ext4_fs *fs, uint64_t start, uint64_t count);
/* The same on behalf of a file: from its reservation, or making one. */
int blocks_alloc_for(struct ext4_inode *i, uint64_t goal, uint32_t want, uint64_t *start, uint32_t *got) MUST_USE;
void reserve_drop(struct ext4_inode *i);
int inode_alloc(struct ext4_fs *fs, struct inode *dir, bool directory, uint32_t *ino) MUST_USE;
void inode_free(struct ext4_fs *fs, uint32_t ino, bool directory);
/* What is taken back cannot be refused: with no memory (err) it waits a little. False: there is no point, or it has waited often enough. */
bool memory_may_come(int err, unsigned *tries);

/* ---- block maps. map_own held. unwritten blocks read as holes ---- */
#define MAP_UNWRITTEN 1u
#define MAP_FRESH 2u                    /* map_create made it just now */
struct ext4_map { uint64_t start; uint32_t count; uint32_t flags; };   /* start 0: a hole of `count` blocks */
int map_find(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out) MUST_USE;
/* Puts blocks under a hole (or makes unwritten ones written), at most max from `block` on. */
int map_create(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out) MUST_USE;
int map_free(struct ext4_inode *i, uint32_t from, uint32_t to) MUST_USE;        /* from .. to - 1 */
int extent_find(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out) MUST_USE;
int extent_insert(struct ext4_inode *i, uint32_t block, uint64_t start, uint32_t count) MUST_USE;
int extent_remove(struct ext4_inode *i, uint32_t from, uint32_t to, bool free) MUST_USE;
void extent_root_init(struct ext4_inode *i);
int indirect_find(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out) MUST_USE;
int indirect_create(struct ext4_inode *i, uint32_t block, uint32_t max, struct ext4_map *out) MUST_USE;
int indirect_free(struct ext4_inode *i, uint32_t from, uint32_t to) MUST_USE;
/* Where a file's block ought to go: after the block before it, or in its inode's group. */
uint64_t map_goal(struct ext4_inode *i, uint32_t block);
void map_charge(struct ext4_inode *i, int64_t blocks);                          /* i_blocks */

/* ---- inodes (ext4_inode.c) ---- */
int ext4_inode_load(struct mount *m, uint64_t ino, struct inode **out) MUST_USE;
int ext4_inode_new(struct inode *dir, uint32_t mode, uint64_t rdev, struct ext4_inode **out) MUST_USE;
int ext4_write_inode(struct inode *i);
void ext4_evict(struct inode *i);
void ext4_last_close(struct inode *i);
int ext4_allocate(struct inode *i, uint64_t off, uint64_t len, uint64_t *done, bool *fresh);
int ext4_free_range(struct inode *i, uint64_t from, uint64_t to);
int ext4_inode_free_blocks(struct ext4_inode *i);

/* ---- extended attributes (ext4_xattr.c) ---- */
int ext4_xattr_read(struct inode *i, struct list *set);
int ext4_xattr_write(struct inode *i, struct list *set);
/* The block of them is let go: it may be shared, its last user frees it. */
void ext4_xattr_drop_block(struct ext4_inode *i);
/* The bytes behind an inode's fields in the table: to `area`, zeros if it was not written yet; and back, with the fields. */
uint32_t ext4_inode_area_size(const struct ext4_inode *i);
int ext4_inode_area_read(struct ext4_inode *i, uint8_t *area) MUST_USE;
int ext4_inode_area_write(struct ext4_inode *i, const uint8_t *area) MUST_USE;

/* ---- directories (ext4_dir.c, ext4_namei.c) ---- */
struct dir_slot { struct page *page; uint8_t *block; uint32_t offset, prev; uint32_t lblock; };
int dir_block(struct ext4_inode *dir, uint32_t lblock, struct page **page, uint8_t **data) MUST_USE;
int dir_find(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *out) MUST_USE;
int dir_add(struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint32_t mode) MUST_USE;
void dir_remove(struct ext4_inode *dir, struct dir_slot *s);
int dir_set(struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint32_t mode) MUST_USE;
int dir_unindex(struct ext4_inode *dir) MUST_USE;
int dir_is_empty(struct ext4_inode *dir) MUST_USE;             /* 1, 0 or -errno */
int dir_init(struct ext4_inode *dir, uint32_t parent) MUST_USE;
int ext4_readdir(struct inode *dir, uint64_t *pos, struct dir_sink *sink);
int ext4_lookup(struct inode *dir, const char *name, size_t len, struct inode **out);
int ext4_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, const char *target, struct inode **out);
int ext4_link(struct inode *dir, const char *name, size_t len, struct inode *target);
int ext4_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim);
int ext4_rename(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
                size_t new_len, struct inode *victim, bool exchange);
int ext4_drop_name(struct inode *dir, const char *name, size_t len);
ssize ext4_readlink(struct inode *i, char *buf, size_t size);

#endif
