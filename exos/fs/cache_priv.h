/* cache_priv.h: what cache.c, readpage.c and writeback.c share. */
#ifndef EXOS_FS_CACHE_PRIV_H
#define EXOS_FS_CACHE_PRIV_H

#include "fs/cache.h"

struct cache {
    struct lock lock;
    struct page **hash;
    uint64_t hash_mask;
    struct list lru;                    /* struct page.lru, next victim first */
    struct list aged;                   /* dirty pages that have a disk to go to, oldest first, struct page.age_link */
    uint64_t page_count, dirty_count, writing_count, limit, dirty_limit;
    struct list io_free;                /* struct cache_io.link, finished requests to use again */
    struct list cut_off;                /* struct page.lru of pages that are alive only by their pins */
    struct waitq writing_less;          /* woken when a write-back batch ends */
};
extern struct cache cache;

/* A request on its way. It outlives its submitter; completion gives it to io_free. */
struct cache_io {
    struct blk_io io;
    struct list link;
    struct cache_space *space;
    struct page *pages[BLK_IO_PAGES_MAX];
};

/* Cache lock held by the caller of these. */
static inline uint64_t
page_hash(const struct cache_space *s, uint64_t index)
{
    uint64_t h = ((uintptr_t)s >> 6) * 0x9e3779b97f4a7c15ull;

    return ((h >> 32) + index) & cache.hash_mask;
}
static inline struct page *
page_lookup(const struct cache_space *s, uint64_t index)
{
    struct page *p = cache.hash[page_hash(s, index)];

    while (p != NULL && (p->index != index || p->space != s))
        p = p->hash_next;
    return p;
}
/* The valid page at index, pinned, if it is in memory and reading it starts no read-ahead; else NULL. */
static inline struct page *
page_pin_valid(struct cache_space *s, uint64_t index)
{
    struct page *p = s->recent;

    if (p == NULL || p->index != index)
        p = s->recent = page_lookup(s, index);
    if (p == NULL || (p->flags & (PG_VALID | PG_MARK)) != PG_VALID)
        return NULL;
    p->pins++;
    p->flags |= PG_USED;
    return p;
}
void page_insert(struct page *p, struct cache_space *s, uint64_t index);
void page_cut_off(struct page *p);      /* leaves its space; freed at the last unpin */
void page_unmap_all(struct page *p);    /* takes its shared mappings away, with their pins */
void page_clean(struct page *p);        /* off the dirty lists */

/* Is so much dirty that whoever writes has to help? */
static inline bool
cache_crowded(void)
{
    return cache.dirty_count > cache.dirty_limit || cache.writing_count > cache.dirty_limit;
}

/* One pin, no space; data from page_alloc, or NULL: it gets its own. May write back and sleep. NULL: no memory. */
struct page *page_new(void *data);
void page_await_io(struct page *p);     /* pinned by the caller; cache lock held, dropped while asleep */
struct cache_io *cache_io_new(struct cache_space *s, enum blk_op op);
void cache_io_done(struct cache_io *c); /* cache lock held */
/* Writes back some pages whose place is known, so that nothing needs to be owned for it; awaits one batch. False: nothing to do. */
bool cache_relieve(void);
int cache_fill(struct cache_space *s, uint64_t index, uint32_t count, uint32_t mark_at);
void cache_io_init(void);
/* Moves `sectors` of one page between it and the disk through a page of its own, and waits. */
int cache_io_piece(struct cache_space *s, enum blk_op op, struct page *p, uint32_t first, uint32_t sectors, uint64_t sector);

#endif
