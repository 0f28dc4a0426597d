/*
 * ext4_format.h: the ext2/ext4 on-disk format (Documentation/filesystems/ext4 in the Linux tree). Little-endian, as the machine.
 */
#ifndef EXOS_FS_EXT4_FORMAT_H
#define EXOS_FS_EXT4_FORMAT_H

#include "base/base.h"

#define EXT4_MAGIC 0xef53
#define EXT4_SUPER_OFFSET 1024
#define EXT4_ROOT_INO 2
#define EXT4_GOOD_OLD_FIRST_INO 11

#define EXT4_STATE_VALID 1
#define EXT4_STATE_ERROR 2

#define COMPAT_HAS_JOURNAL 0x4
#define COMPAT_EXT_ATTR    0x8
#define COMPAT_DIR_INDEX   0x20
#define COMPAT_SPARSE_SUPER2 0x200

#define INCOMPAT_FILETYPE  0x2
#define INCOMPAT_RECOVER   0x4
#define INCOMPAT_EXTENTS   0x40
#define INCOMPAT_64BIT     0x80
#define INCOMPAT_FLEX_BG   0x200
#define INCOMPAT_CSUM_SEED 0x2000
#define INCOMPAT_LARGEDIR  0x4000
#define INCOMPAT_SUPPORTED (INCOMPAT_FILETYPE | INCOMPAT_EXTENTS | INCOMPAT_64BIT | INCOMPAT_FLEX_BG | INCOMPAT_CSUM_SEED)

#define RO_SPARSE_SUPER  0x1
#define RO_LARGE_FILE    0x2
#define RO_HUGE_FILE     0x8
#define RO_GDT_CSUM      0x10
#define RO_DIR_NLINK     0x20
#define RO_EXTRA_ISIZE   0x40
#define RO_METADATA_CSUM 0x400
#define RO_READONLY      0x1000
#define RO_SUPPORTED (RO_SPARSE_SUPER | RO_LARGE_FILE | RO_HUGE_FILE | RO_GDT_CSUM | RO_DIR_NLINK | RO_EXTRA_ISIZE | RO_METADATA_CSUM)

struct ext4_super {
    uint32_t s_inodes_count, s_blocks_count_lo, s_r_blocks_count_lo, s_free_blocks_count_lo;
    uint32_t s_free_inodes_count, s_first_data_block, s_log_block_size, s_log_cluster_size;
    uint32_t s_blocks_per_group, s_clusters_per_group, s_inodes_per_group, s_mtime;
    uint32_t s_wtime;
    uint16_t s_mnt_count, s_max_mnt_count, s_magic, s_state, s_errors, s_minor_rev_level;
    uint32_t s_lastcheck, s_checkinterval, s_creator_os, s_rev_level;
    uint16_t s_def_resuid, s_def_resgid;
    uint32_t s_first_ino;
    uint16_t s_inode_size, s_block_group_nr;
    uint32_t s_feature_compat, s_feature_incompat, s_feature_ro_compat;
    uint8_t s_uuid[16];
    char s_volume_name[16], s_last_mounted[64];
    uint32_t s_algorithm_usage_bitmap;
    uint8_t s_prealloc_blocks, s_prealloc_dir_blocks;
    uint16_t s_reserved_gdt_blocks;
    uint8_t s_journal_uuid[16];
    uint32_t s_journal_inum, s_journal_dev, s_last_orphan, s_hash_seed[4];
    uint8_t s_def_hash_version, s_jnl_backup_type;
    uint16_t s_desc_size;
    uint32_t s_default_mount_opts, s_first_meta_bg, s_mkfs_time, s_jnl_blocks[17];
    uint32_t s_blocks_count_hi, s_r_blocks_count_hi, s_free_blocks_count_hi;
    uint16_t s_min_extra_isize, s_want_extra_isize;
    uint32_t s_flags;
    uint8_t s_unused0[0x174 - 0x164];
    uint8_t s_log_groups_per_flex, s_checksum_type;
    uint8_t s_unused1[0x270 - 0x176];
    uint32_t s_checksum_seed;
    uint8_t s_unused2[0x3fc - 0x274];
    uint32_t s_checksum;
};
_Static_assert(offsetof(struct ext4_super, s_uuid) == 0x68, "ext4 superblock");
_Static_assert(offsetof(struct ext4_super, s_desc_size) == 0xfe, "ext4 superblock");
_Static_assert(offsetof(struct ext4_super, s_blocks_count_hi) == 0x150, "ext4 superblock");
_Static_assert(offsetof(struct ext4_super, s_checksum_type) == 0x175, "ext4 superblock");
_Static_assert(offsetof(struct ext4_super, s_checksum_seed) == 0x270, "ext4 superblock");
_Static_assert(sizeof(struct ext4_super) == 1024, "ext4 superblock");

#define BG_INODE_UNINIT 1
#define BG_BLOCK_UNINIT 2

struct ext4_group {
    uint32_t bg_block_bitmap_lo, bg_inode_bitmap_lo, bg_inode_table_lo;
    uint16_t bg_free_blocks_count_lo, bg_free_inodes_count_lo, bg_used_dirs_count_lo, bg_flags;
    uint32_t bg_exclude_bitmap_lo;
    uint16_t bg_block_bitmap_csum_lo, bg_inode_bitmap_csum_lo, bg_itable_unused_lo, bg_checksum;
    /* from here on only with 64BIT */
    uint32_t bg_block_bitmap_hi, bg_inode_bitmap_hi, bg_inode_table_hi;
    uint16_t bg_free_blocks_count_hi, bg_free_inodes_count_hi, bg_used_dirs_count_hi, bg_itable_unused_hi;
    uint32_t bg_exclude_bitmap_hi;
    uint16_t bg_block_bitmap_csum_hi, bg_inode_bitmap_csum_hi;
    uint32_t bg_reserved;
};
_Static_assert(sizeof(struct ext4_group) == 64, "ext4 group descriptor");
#define EXT4_GROUP_SIZE_OLD 32

#define EXT4_NDIR_BLOCKS 12
#define EXT4_N_BLOCKS 15
#define INODE_INDEX_FL   0x1000
#define INODE_HUGE_FL    0x40000
#define INODE_EXTENTS_FL 0x80000
#define INODE_INLINE_FL  0x10000000
#define INODE_IMMUTABLE_FL 0x10
#define INODE_APPEND_FL  0x20
#define INODE_ENCRYPT_FL 0x800

struct ext4_dinode {
    uint16_t i_mode, i_uid_lo;
    uint32_t i_size_lo, i_atime, i_ctime, i_mtime, i_dtime;
    uint16_t i_gid_lo, i_links_count;
    uint32_t i_blocks_lo, i_flags, i_version_lo;
    uint32_t i_block[EXT4_N_BLOCKS];
    uint32_t i_generation, i_file_acl_lo, i_size_hi, i_obso_faddr;
    uint16_t i_blocks_hi, i_file_acl_hi, i_uid_hi, i_gid_hi, i_checksum_lo, i_reserved;
    /* from here on only in inodes of more than 128 bytes, as far as i_extra_isize says */
    uint16_t i_extra_isize, i_checksum_hi;
    uint32_t i_ctime_extra, i_mtime_extra, i_atime_extra, i_crtime, i_crtime_extra, i_version_hi, i_projid;
};
#define EXT4_INODE_SIZE_OLD 128
_Static_assert(offsetof(struct ext4_dinode, i_block) == 0x28, "ext4 inode");
_Static_assert(offsetof(struct ext4_dinode, i_checksum_lo) == 0x7c, "ext4 inode");
_Static_assert(offsetof(struct ext4_dinode, i_extra_isize) == EXT4_INODE_SIZE_OLD, "ext4 inode");
_Static_assert(sizeof(struct ext4_dinode) == 160, "ext4 inode");

#define XATTR_MAGIC 0xea020000

struct ext4_xattr_header { uint32_t h_magic, h_refcount, h_blocks, h_hash, h_checksum, h_reserved[3]; };
struct ext4_xattr_entry { uint8_t e_name_len, e_name_index; uint16_t e_value_offs; uint32_t e_value_inum, e_value_size, e_hash; char e_name[]; };
_Static_assert(sizeof(struct ext4_xattr_header) == 32, "ext4 extended attributes");
_Static_assert(offsetof(struct ext4_xattr_entry, e_name) == 16, "ext4 extended attributes");

#define EXTENT_MAGIC 0xf30a
#define EXTENT_DEPTH_MAX 5
#define EXTENT_LEN_MAX 32768            /* longer: length - 32768, unwritten */

struct ext4_extent_header { uint16_t eh_magic, eh_entries, eh_max, eh_depth; uint32_t eh_generation; };
struct ext4_extent { uint32_t ee_block; uint16_t ee_len, ee_start_hi; uint32_t ee_start_lo; };
struct ext4_extent_idx { uint32_t ei_block, ei_leaf_lo; uint16_t ei_leaf_hi, ei_unused; };
_Static_assert(sizeof(struct ext4_extent_header) == 12, "ext4 extent");
_Static_assert(sizeof(struct ext4_extent) == 12, "ext4 extent");
_Static_assert(sizeof(struct ext4_extent_idx) == 12, "ext4 extent");

struct ext4_dirent { uint32_t inode; uint16_t rec_len; uint8_t name_len, file_type; char name[]; };
#define DIRENT_HEAD 8
#define DIRENT_SPACE(len) (((len) + DIRENT_HEAD + 3u) & ~3u)
#define DIRENT_TAIL_TYPE 0xde
struct ext4_dir_tail { uint32_t zero1; uint16_t rec_len; uint8_t zero2, type; uint32_t checksum; };
_Static_assert(sizeof(struct ext4_dir_tail) == 12, "ext4 directory tail");

#endif
