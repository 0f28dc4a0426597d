/*
 * seek.c: where a regular file has data and where holes: by its block map, or, when its data is memory, by what was stored.
 *
 * Holds:    blocks that lie under a file but were never written (as mke2fs and Linux mark them) are holes; so are pages in memory that
 *           were only read. A file ends with a hole.
 */
#include "fs/seek.h"

#include "fs/cache_priv.h"

#define BLOCKS_MAX (1u << 15)           /* asked for at once */

/* The first page at or after `index` that was stored to; UINT64_MAX: none. */
static uint64_t
next_stored(struct cache_space *s, uint64_t index)
{
    uint64_t best = UINT64_MAX;

    lock_acquire(&cache.lock);
    list_for(l, &s->pages) {
        const struct page *p = container_of(l, struct page, space_link);

        if (p->dirty != 0 && p->index >= index && p->index < best)
            best = p->index;
    }
    lock_release(&cache.lock);
    return best;
}

/* The first page at or after `index` that was not; there are only so many that were. */
static uint64_t
next_unstored(struct cache_space *s, uint64_t index)
{
    const struct page *p;

    lock_acquire(&cache.lock);
    while ((p = page_lookup(s, index)) != NULL && p->dirty != 0)
        index++;
    lock_release(&cache.lock);
    return index;
}

static int64_t
seek_memory(struct inode *i, uint64_t off, bool hole)
{
    uint64_t first = off >> PAGE_SHIFT, at = hole ? next_unstored(&i->data, first) : next_stored(&i->data, first);

    if (at == UINT64_MAX || at << PAGE_SHIFT >= i->data.size)
        return hole ? (int64_t)i->data.size : -ENXIO;
    return (int64_t)MAX(off, at << PAGE_SHIFT);
}

static int64_t
seek_disk(struct inode *i, uint64_t off, bool hole)
{
    struct cache_space *s = &i->data;
    uint64_t block = off >> s->block_shift, end = (s->size + (1ul << s->block_shift) - 1) >> s->block_shift;

    while (block < end) {
        uint64_t sector;
        uint32_t count;
        int err = s->ops->map(s, block, (uint32_t)MIN(end - block, (uint64_t)BLOCKS_MAX), &sector, &count);

        if (err != 0)
            return err;
        if ((sector == CACHE_HOLE) == hole)
            return (int64_t)MAX(off, block << s->block_shift);
        if (wait_interrupted())
            return -EINTR;
        block += count;
    }
    return hole ? (int64_t)s->size : -ENXIO;
}

int64_t
inode_seek(struct inode *i, int64_t off, bool hole)
{
    uint64_t size = inode_size(i);

    if (off < 0 || (uint64_t)off >= size)
        return -ENXIO;
    if (!inode_is(i, S_IFREG) || i->ops->open != NULL)      /* what it says is made when it is read */
        return hole ? (int64_t)size : off;
    return i->data.ops != NULL ? seek_disk(i, (uint64_t)off, hole) : seek_memory(i, (uint64_t)off, hole);
}
