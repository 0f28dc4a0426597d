/*
 * ext4_ialloc.c: inode numbers: files beside their directory, directories spread out.
 *
 * Locks:    the allocator, fs->own.
 */
#include "fs/ext4.h"

/* The group for a new directory under the root: the one with most free blocks among those with inodes. */
static uint32_t
emptiest_group(struct ext4_fs *fs)
{
    uint32_t best = 0, best_free = 0;

    for (uint32_t g = 0; g < fs->group_count; g++) {
        const struct ext4_group *d = group_desc(fs, g);

        if (group_free_inodes(fs, d) > 0 && group_free_blocks(fs, d) > best_free) {
            best = g;
            best_free = group_free_blocks(fs, d);
        }
    }
    return best;
}

/* A number in the group, or 0. */
static int
take_in_group(struct ext4_fs *fs, uint32_t group, bool directory, uint32_t *ino)
{
    struct ext4_group *d = group_desc(fs, group);
    uint32_t n = group == 0 ? fs->first_ino - 1 : 0, unused;
    struct page *page;
    uint8_t *map;
    int err = group_load_inode_bitmap(fs, group, &page, &map);

    if (err != 0)
        return err;
    n = bit_next_clear(map, n, fs->inodes_per_group);
    if (n < fs->inodes_per_group) {
        map[n / 8] |= (uint8_t)(1u << (n % 8));
        group_add_free_inodes(fs, d, -1);
        if (directory)
            group_add_used_dirs(fs, d, 1);
        unused = fs->inodes_per_group - n - 1;
        if ((fs->csum || fs->gdt_csum) && group_itable_unused(fs, d) > unused)
            group_set_itable_unused(fs, d, unused);
        group_store_inode_bitmap(fs, group, page, map);
        fs->free_inodes -= fs->free_inodes > 0;
        *ino = group * fs->inodes_per_group + n + 1;
    }
    cache_unpin(page);
    return 0;
}

int
inode_alloc(struct ext4_fs *fs, struct inode *dir, bool directory, uint32_t *ino)
{
    uint32_t group = (uint32_t)((dir->ino - 1) / fs->inodes_per_group);
    int err = 0;

    *ino = 0;
    own_take(&fs->own);
    if (directory && dir->ino == EXT4_ROOT_INO)
        group = emptiest_group(fs);
    for (uint32_t n = 0; n < fs->group_count && *ino == 0 && err != -EUCLEAN; n++) {
        if (group_free_inodes(fs, group_desc(fs, group)) > 0)
            err = take_in_group(fs, group, directory, ino);
        group = group + 1 == fs->group_count ? 0 : group + 1;
    }
    own_drop(&fs->own);
    if (*ino != 0)
        return 0;
    return err != 0 ? err : -ENOSPC;
}

static int
number_free(struct ext4_fs *fs, uint32_t ino, bool directory)
{
    uint32_t group = (ino - 1) / fs->inodes_per_group, n = (ino - 1) % fs->inodes_per_group;
    struct page *page;
    uint8_t *map;
    int err;

    own_take(&fs->own);
    err = group_load_inode_bitmap(fs, group, &page, &map);
    if (err != 0) {
        own_drop(&fs->own);
        return err;
    }
    if (map[n / 8] >> (n % 8) & 1) {
        map[n / 8] &= (uint8_t)~(1u << (n % 8));
        group_add_free_inodes(fs, group_desc(fs, group), 1);
        if (directory)
            group_add_used_dirs(fs, group_desc(fs, group), -1);
        group_store_inode_bitmap(fs, group, page, map);
        fs->free_inodes++;
    } else {
        ext4_stop(fs, "freed an inode that was free already", ino);
    }
    cache_unpin(page);
    own_drop(&fs->own);
    return 0;
}

void
inode_free(struct ext4_fs *fs, uint32_t ino, bool directory)
{
    unsigned tries = 0;
    int err;

    do
        err = number_free(fs, ino, directory);
    while (memory_may_come(err, &tries));
    if (err != 0)
        log_print("ext4: %s: inode %u lost: bitmap unreadable", fs->mnt->dev->name, ino);
}
