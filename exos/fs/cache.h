/*
 * cache.h: the page cache: the data of files and the blocks of devices, in pages of 4 KiB.
 *
 * A page belongs to a cache space (a file's data, or a block device seen as one long file) and has an index in it. A space maps its
 * blocks (1, 2 or 4 KiB; one page holds 4, 2 or 1) to disk sectors. read, write and mappings use the same page.
 */
#ifndef EXOS_FS_CACHE_H
#define EXOS_FS_CACHE_H

#include "base/base.h"
#include "base/block.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/wait.h"
#include "fs/readahead.h"

#define CACHE_HOLE UINT64_MAX           /* "sector" of a block that has no place on disk: reads as zeros */
#define CACHE_AGE_NS (5 * NSEC_PER_SEC) /* a dirty page is written back when it gets this old */
#define CACHE_READAHEAD_MAX BLK_IO_PAGES_MAX

#define PG_VALID  1u            /* data is what the file holds */
#define PG_IO     2u            /* being read; not valid yet */
#define PG_WRITE  4u            /* being written back; may be read, changed and dirtied again */
#define PG_USED   16u           /* touched since reclaim last looked */
#define PG_MARK   32u           /* reading this page starts the next read-ahead batch */
#define PG_MAPPED 64u           /* every block of the page has its place on disk: an overwrite needs no allocation */

#define PAGE_ALL_DIRTY 0xff
#define PAGE_CUT_OFF 0x80000000u /* in struct page.pins: has left its space; whoever brings the rest to 0 frees it */

struct cache_space;
struct page;

struct cache_ops {
    /*
     * Where block number `block` of the space lies: *sector, or CACHE_HOLE; *count: how many blocks from it on follow contiguously
     * (or are holes too), 1 to max. May sleep. 0 or -errno.
     */
    int (*map)(struct cache_space *s, uint64_t block, uint32_t max, uint64_t *sector, uint32_t *count);
};

struct cache_space {
    const struct cache_ops *ops;        /* NULL: memory only (tmpfs); its dirty pages are never given up */
    struct blkdev *dev;
    bool ordered;                       /* dirty pages go out when cache_sync_order() says, not by age */
    uint32_t block_shift;               /* log2 of the block size: 10, 11 or 12 */
    uint64_t size;                      /* bytes; what lies past it in a page that is read from disk is cleared */
    struct list pages;                  /* every page, struct page.space_link */
    struct page *recent;                /* found last; NULL: none */
    struct list dirty;                  /* dirty pages, oldest first, struct page.dirty_link */
    uint64_t page_count, dirty_count;
    uint32_t writing;                   /* pages in write-back */
    int error;                          /* of the last write-back that failed: -EIO, -ENOSPC */
    uint32_t errors, errors_told;       /* how many pages' have, and how many had when somebody was last told */
    struct waitq idle;                  /* woken when writing falls to 0 */
    /* Called, if not NULL, before a page's data goes to the disk: checksums that were put off. Must not sleep. */
    void (*before_write)(struct cache_space *s, struct page *p);
    void *owner;                        /* for before_write */
};

struct page {
    struct page *hash_next;
    struct cache_space *space;
    uint64_t index;
    uint8_t *data;
    uint32_t pins;                      /* raised from 0 only under the cache lock; lowered anywhere, atomically; PAGE_CUT_OFF */
    uint64_t sector;                    /* where the whole page lies contiguously on disk, or CACHE_HOLE: not known */
    uint16_t flags;                     /* PG_ */
    uint8_t kind;                       /* what its file system has verified it to be since it was read; 0: nothing */
    bool unsummed;                      /* its checksum is older than its contents: before_write makes it */
    uint32_t sum_arg;                   /* what before_write needs for that */
    uint8_t order[PAGE_SIZE / 1024];    /* of each block, in an ordered space: which cache_sync_order() writes it */
    uint8_t dirty;                      /* bit n: sector n of the page is newer than the disk */
    struct page_map *maps;              /* shared mappings (pagemap.c) */
    struct list lru;
    struct list space_link;
    struct list dirty_link;
    struct list age_link;
    uint64_t dirty_ns;
    struct waitq wq;                    /* woken when PG_IO goes away */
};

void cache_init(void);
void cache_space_init(struct cache_space *s, const struct cache_ops *ops, struct blkdev *dev, uint32_t block_shift);

/* The valid page at index, pinned, if it is in memory; else NULL. Never sleeps. */
struct page *cache_find(struct cache_space *s, uint64_t index);
/* The valid page at index, pinned, read if need be (and more after it as `ra`, which may be NULL, suggests). -EIO, -ENOMEM. */
int cache_get(struct cache_space *s, uint64_t index, struct readahead *ra, struct page **out) MUST_USE;
/* The page at index, pinned and valid, zeroed instead of read when it is not in memory: the caller overwrites what matters. */
int cache_get_zeroed(struct cache_space *s, uint64_t index, struct page **out) MUST_USE;
/* Makes `data` (from page_alloc; the cache owns it from now on, also on failure) the contents of the page at index; pinned. */
int cache_adopt(struct cache_space *s, uint64_t index, void *data, struct page **out) MUST_USE;
/* page_alloc() that gives cached pages up, and writes dirty ones back, before it fails. May sleep. */
void *cache_page_alloc(void) MUST_USE;
void page_destroy(struct page *p);      /* for cache_unpin */

static inline void
cache_unpin(struct page *p)
{
    if (__atomic_sub_fetch(&p->pins, 1, __ATOMIC_ACQ_REL) == PAGE_CUT_OFF)
        page_destroy(p);
}

static inline void
cache_pin(struct page *p)
{
    __atomic_add_fetch(&p->pins, 1, __ATOMIC_RELAXED);
}
/* The same for one who kept only the address: it may have left the space since. */
void cache_unpin_data(struct cache_space *s, uint64_t index, const void *data);
void cache_pin_data(struct cache_space *s, uint64_t index, const void *data);
/*
 * A shared mapping of the pinned page is about to be made, or has gone; the pin is the mapping's. When the page is written back or leaves
 * its space, the cache takes the mappings away itself and lowers *count. -ENOMEM.
 */
int cache_map(struct page *p, uint64_t space, uint64_t va, uint64_t *count) MUST_USE;
void cache_unmap(struct page *p, uint64_t space, uint64_t va);
/* The pinned page of which only the address is known. */
struct page *cache_page_of(struct cache_space *s, uint64_t index, const void *data);
/* Bytes off..off+len of a pinned page are newer than the disk. */
void cache_dirty(struct page *p, uint32_t off, uint32_t len);
/* The contents of that byte range of the space no longer matter: do not write them back (a freed metadata block). */
void cache_forget(struct cache_space *s, uint64_t off, uint64_t len);
/* Drops the pages first..last - 1, dirty or not, after their I/O has ended. */
void cache_truncate(struct cache_space *s, uint64_t first, uint64_t last);
/* The pinned page's blocks have just got their places: remembers them. */
void cache_place(struct page *p);
/* Some blocks of the page at index are about to lose their places: what was known of them is forgotten. */
void cache_unplace(struct cache_space *s, uint64_t index);
/* Reads ahead: starts (does not await) reading up to count pages. */
void cache_prefetch(struct cache_space *s, uint64_t index, uint32_t count);

/* Writes everything dirty and awaits it. An error that a write met meanwhile. */
int cache_sync(struct cache_space *s) MUST_USE;
/* As above for a range of page indices. */
int cache_sync_range(struct cache_space *s, uint64_t first, uint64_t last) MUST_USE;
/*
 * The error of writes that failed since *seen, for whatever reason and whoever had them made; 0. Each who asks is told once; *seen is
 * errors_told to begin with, so that what nobody was told of is not forgotten.
 */
int cache_error_since(struct cache_space *s, uint32_t *seen) MUST_USE;
/* In an ordered space: is any dirty block of that order? Writes them all and awaits that; an error as above. */
bool cache_has_order(struct cache_space *s, unsigned order);
int cache_sync_order(struct cache_space *s, unsigned order) MUST_USE;
/* Starts writing at most max_pages of pages that were dirtied at or before before_ns. Returns how many. */
uint32_t cache_writeback(uint32_t max_pages, uint64_t before_ns);
/* When the oldest dirty page is due, or DEADLINE_NEVER. */
uint64_t cache_writeback_due(void);
/* A writer calls this between pages: when too much is dirty it pays by writing some back. */
void cache_throttle(void);
/* Gives up to `want` clean pages back to the session. Returns how many it freed. */
uint64_t cache_reclaim(uint64_t want);

struct cache_stats { uint64_t pages, dirty, writing, limit; };
void cache_stats(struct cache_stats *out);

#endif
