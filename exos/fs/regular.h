/* regular.h: what regular.c and quick.c share: reading and writing regular files through the page cache. */
#ifndef EXOS_FS_REGULAR_H
#define EXOS_FS_REGULAR_H

#include "fs/inode.h"

/* A read has touched a file whose time of access is not newer than its changes. */
void regular_accessed(struct inode *i);

/* Marks the blocks that bytes off..off+n of the page touch. */
static inline void
regular_dirty(const struct cache_space *s, struct page *p, uint32_t off, uint32_t n)
{
    uint32_t block = 1u << s->block_shift, first = off & ~(block - 1), end = (off + n + block - 1) & ~(block - 1);

    if (p->dirty != PAGE_ALL_DIRTY)
        cache_dirty(p, first, end - first);
}

/* As a position for regular_file_ops.write: the end, as with O_APPEND; it becomes where the write ended. */
#define POS_APPEND UINT64_MAX

#endif
