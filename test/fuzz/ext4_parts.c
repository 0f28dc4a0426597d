/* ext4_parts.c: see ext4_parts.h. Format: Documentation/filesystems/ext4 in the Linux tree. */
#include <assert.h>

#include "ext4_parts.h"

#include "fs/ext4.h"

static struct ext4_group *
descriptor(const struct ext4_image *e, uint8_t *image, uint32_t group)
{
    return (struct ext4_group *)(image + (e->first_data_block + 1) * e->block_size + group * e->desc_size);
}

static uint32_t
inode_at(const struct ext4_image *e, uint32_t ino)
{
    uint32_t group = (ino - 1) / e->inodes_per_group;

    return descriptor(e, e->clean, group)->bg_inode_table_lo * e->block_size + (ino - 1) % e->inodes_per_group * e->inode_size;
}

static void
add(struct ext4_image *e, enum part_kind kind, uint32_t at, uint32_t bytes, uint32_t number)
{
    assert(e->part_count < PARTS_MAX && at + bytes <= e->bytes);
    e->part[e->part_count++] = (struct part){ kind, at, bytes, number };
}

static void
add_block(struct ext4_image *e, enum part_kind kind, uint32_t block, uint32_t number)
{
    add(e, kind, block * e->block_size, e->block_size, number);
}

/* ---- finding ---- */

static void
add_data(struct ext4_image *e, bool directory, uint32_t block, uint32_t count, uint32_t ino)
{
    for (uint32_t i = 0; directory && i < count; i++)
        add_block(e, PART_DIR, block + i, ino);
}

static void
add_extents(struct ext4_image *e, const struct ext4_extent_header *h, bool directory, uint32_t ino)
{
    const struct ext4_extent *leaf = (const void *)(h + 1);
    const struct ext4_extent_idx *index = (const void *)(h + 1);

    for (unsigned i = 0; i < h->eh_entries; i++) {
        if (h->eh_depth == 0) {
            add_data(e, directory, leaf[i].ee_start_lo, leaf[i].ee_len, ino);
            continue;
        }
        add_block(e, PART_EXTENTS, index[i].ei_leaf_lo, ino);
        add_extents(e, (const void *)(e->clean + index[i].ei_leaf_lo * e->block_size), directory, ino);
    }
}

static void
add_indirect(struct ext4_image *e, uint32_t block, int depth, bool directory, uint32_t ino)
{
    const uint32_t *entry = (const void *)(e->clean + block * e->block_size);

    if (block == 0)
        return;
    if (depth == 0) {
        add_data(e, directory, block, 1, ino);
        return;
    }
    add_block(e, PART_INDIRECT, block, ino);
    for (uint32_t i = 0; i < e->block_size / sizeof(*entry); i++)
        add_indirect(e, entry[i], depth - 1, directory, ino);
}

static void
add_inode(struct ext4_image *e, uint32_t ino)
{
    const struct ext4_dinode *d = (const void *)(e->clean + inode_at(e, ino));
    bool directory = (d->i_mode & S_IFMT) == S_IFDIR, text = (d->i_mode & S_IFMT) == S_IFLNK && d->i_blocks_lo == 0;

    add(e, PART_INODE, inode_at(e, ino), e->inode_size, ino);
    if (d->i_file_acl_lo != 0)
        add_block(e, PART_XATTR, d->i_file_acl_lo, d->i_file_acl_lo);
    if (text || d->i_links_count == 0 || ((d->i_mode & S_IFMT) != S_IFREG && !directory))
        return;
    if (d->i_flags & INODE_EXTENTS_FL) {
        add_extents(e, (const void *)d->i_block, directory, ino);
        return;
    }
    for (unsigned i = 0; i < EXT4_N_BLOCKS; i++)
        add_indirect(e, d->i_block[i], i < EXT4_NDIR_BLOCKS ? 0 : (int)i - EXT4_NDIR_BLOCKS + 1, directory, ino);
}

static void
add_group(struct ext4_image *e, uint32_t group)
{
    const struct ext4_group *d = descriptor(e, e->clean, group);
    const uint8_t *map = e->clean + d->bg_inode_bitmap_lo * e->block_size;

    add(e, PART_GROUP, (uint32_t)((const uint8_t *)d - e->clean), e->desc_size, group);
    add_block(e, PART_BLOCK_BITMAP, d->bg_block_bitmap_lo, group);
    add_block(e, PART_INODE_BITMAP, d->bg_inode_bitmap_lo, group);
    for (uint32_t i = 0; i < e->inodes_per_group; i++)
        if (!(d->bg_flags & BG_INODE_UNINIT) && (map[i / 8] >> i % 8 & 1))
            add_inode(e, group * e->inodes_per_group + i + 1);
}

void
ext4_parts_find(struct ext4_image *e)
{
    const struct ext4_super *s = (const void *)(e->clean + EXT4_SUPER_OFFSET);

    e->block_size = 1024u << s->s_log_block_size;
    e->desc_size = s->s_feature_incompat & INCOMPAT_64BIT ? s->s_desc_size : EXT4_GROUP_SIZE_OLD;
    e->inode_size = s->s_inode_size;
    e->inodes_per_group = s->s_inodes_per_group;
    e->blocks_per_group = s->s_blocks_per_group;
    e->first_data_block = s->s_first_data_block;
    e->group_count = (s->s_blocks_count_lo - s->s_first_data_block + s->s_blocks_per_group - 1) / s->s_blocks_per_group;
    e->summed = (s->s_feature_ro_compat & RO_METADATA_CSUM) != 0;
    e->seed = crc32c(~0u, s->s_uuid, sizeof(s->s_uuid));
    e->part_count = 0;
    add(e, PART_SUPER, EXT4_SUPER_OFFSET, sizeof(*s), 0);
    for (uint32_t g = 0; g < e->group_count; g++)
        add_group(e, g);
}

/* ---- checksums ---- */

static void
sum_group(const struct ext4_image *e, uint8_t *image, uint32_t group)
{
    struct ext4_group *d = descriptor(e, image, group);

    d->bg_checksum = 0;
    d->bg_checksum = (uint16_t)crc32c(crc32c(e->seed, &group, sizeof(group)), d, e->desc_size);
}

static void
sum_bitmap(const struct ext4_image *e, uint8_t *image, const struct part *p)
{
    struct ext4_group *d = descriptor(e, image, p->number);
    bool wide = e->desc_size > EXT4_GROUP_SIZE_OLD;
    uint32_t sum;

    if (p->kind == PART_INODE_BITMAP) {
        sum = crc32c(e->seed, image + p->at, e->inodes_per_group / 8);
        d->bg_inode_bitmap_csum_lo = (uint16_t)sum;
        if (wide)
            d->bg_inode_bitmap_csum_hi = (uint16_t)(sum >> 16);
    } else {
        sum = crc32c(e->seed, image + p->at, e->blocks_per_group / 8);
        d->bg_block_bitmap_csum_lo = (uint16_t)sum;
        if (wide)
            d->bg_block_bitmap_csum_hi = (uint16_t)(sum >> 16);
    }
    sum_group(e, image, p->number);
}

/* Where the checksums of an inode and of what it has begin. */
static uint32_t
inode_seed(const struct ext4_image *e, const uint8_t *image, uint32_t ino)
{
    const struct ext4_dinode *d = (const void *)(image + inode_at(e, ino));

    return crc32c(crc32c(e->seed, &ino, sizeof(ino)), &d->i_generation, sizeof(d->i_generation));
}

static void
sum_inode(const struct ext4_image *e, uint8_t *image, const struct part *p)
{
    struct ext4_dinode *d = (void *)(image + p->at);
    bool wide = e->inode_size > EXT4_INODE_SIZE_OLD && d->i_extra_isize >= 4;
    uint32_t sum;

    d->i_checksum_lo = 0;
    if (wide)
        d->i_checksum_hi = 0;
    sum = crc32c(inode_seed(e, image, p->number), d, e->inode_size);
    d->i_checksum_lo = (uint16_t)sum;
    if (wide)
        d->i_checksum_hi = (uint16_t)(sum >> 16);
}

static void
sum_extents(const struct ext4_image *e, uint8_t *image, const struct part *p)
{
    struct ext4_extent_header *h = (void *)(image + p->at);
    uint32_t end = sizeof(*h) + h->eh_max * (uint32_t)sizeof(struct ext4_extent);

    if (end + sizeof(uint32_t) <= e->block_size)
        *(uint32_t *)(image + p->at + end) = crc32c(inode_seed(e, image, p->number), h, end);
}

static void
sum_directory(const struct ext4_image *e, uint8_t *image, const struct part *p)
{
    uint32_t end = e->block_size - (uint32_t)sizeof(struct ext4_dir_tail);
    struct ext4_dir_tail *tail = (void *)(image + p->at + end);

    if (tail->type == DIRENT_TAIL_TYPE)
        tail->checksum = crc32c(inode_seed(e, image, p->number), image + p->at, end);
}

static void
sum_attributes(const struct ext4_image *e, uint8_t *image, const struct part *p)
{
    struct ext4_xattr_header *h = (void *)(image + p->at);
    uint64_t block = p->number;

    h->h_checksum = 0;
    h->h_checksum = crc32c(crc32c(e->seed, &block, sizeof(block)), h, e->block_size);
}

void
ext4_part_sum(const struct ext4_image *e, uint8_t *image, const struct part *p)
{
    struct ext4_super *s = (void *)(image + EXT4_SUPER_OFFSET);

    if (!e->summed)
        return;
    switch (p->kind) {
    case PART_SUPER: s->s_checksum = crc32c(~0u, s, offsetof(struct ext4_super, s_checksum)); break;
    case PART_GROUP: sum_group(e, image, p->number); break;
    case PART_BLOCK_BITMAP:
    case PART_INODE_BITMAP: sum_bitmap(e, image, p); break;
    case PART_INODE: sum_inode(e, image, p); break;
    case PART_EXTENTS: sum_extents(e, image, p); break;
    case PART_DIR: sum_directory(e, image, p); break;
    case PART_XATTR: sum_attributes(e, image, p); break;
    case PART_INDIRECT: break;
    }
}
