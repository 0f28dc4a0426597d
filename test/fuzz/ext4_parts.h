/*
 * ext4_parts.h: where the metadata of an ext2 or ext4 image is, so that it can be damaged on purpose, and the checksums over it, so that
 * damage gets past them. Written from the format, not from the file system under test, of which it uses the names of fields and crc32c().
 */
#ifndef TEST_FUZZ_EXT4_PARTS_H
#define TEST_FUZZ_EXT4_PARTS_H

#include "base/base.h"

#define PARTS_MAX 1024

enum part_kind { PART_SUPER, PART_GROUP, PART_BLOCK_BITMAP, PART_INODE_BITMAP, PART_INODE, PART_EXTENTS, PART_DIR, PART_XATTR, PART_INDIRECT };

struct part {
    enum part_kind kind;
    uint32_t at, bytes;         /* in the image */
    uint32_t number;            /* of the group or inode that it belongs to; of attributes, the block */
};

/* An image as mke2fs made it. */
struct ext4_image {
    uint8_t *clean;
    uint32_t bytes;
    uint32_t block_size, desc_size, inode_size, inodes_per_group, blocks_per_group, group_count, first_data_block;
    uint32_t seed;              /* of checksums */
    bool summed;
    struct part part[PARTS_MAX];
    uint32_t part_count;
};

/* Finds the parts of e->clean. */
void ext4_parts_find(struct ext4_image *e);
/* Makes the checksum of a part of a damaged copy right again, as far as it has one; and that of the descriptor of a bitmap. */
void ext4_part_sum(const struct ext4_image *e, uint8_t *image, const struct part *p);

#endif
