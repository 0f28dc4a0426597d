/*
 * cache.c: which pages are in memory, who has them pinned, and which to give up.
 *
 * Holds:    every page is in the hash, in its space's list and in the LRU list, or cut off (PG_GONE) and alive only by its pins.
 * Locks:    cache.lock, rank LOCK_RANK_CACHE. Pins rise from 0 only under it.
 * Not here: reading (readpage.c), writing back (writeback.c).
 */
#include "base/mem.h"
#include "fs/cache_priv.h"

#define CACHE_LIMIT_MIN 64              /* pages: below this nothing works */
#define RECLAIM_BATCH 32
#define RELIEVE_TRIES_MAX 8
#define RECLAIM_SCAN_MAX 4096           /* pages looked at in one call, with the lock held for RECLAIM_SCAN_STEP of them */

struct cache cache = { .lock = LOCK_INIT(LOCK_RANK_CACHE) };

void
cache_init(void)
{
    uint64_t buckets = 1024;

    cache.limit = MAX(mem_total_pages() / 2, CACHE_LIMIT_MIN);
    cache.dirty_limit = MAX(cache.limit / 4, CACHE_LIMIT_MIN / 4);
    while (buckets < cache.limit / 2 && buckets < (1u << 20))
        buckets *= 2;
    cache.hash = session_alloc(buckets * sizeof(cache.hash[0]));
    if (cache.hash == NULL)
        EXO_PANIC("no memory for the page cache's hash table");
    cache.hash_mask = buckets - 1;
    list_init(&cache.lru);
    list_init(&cache.aged);
    list_init(&cache.io_free);
    list_init(&cache.cut_off);
    waitq_init(&cache.writing_less);
    cache_io_init();
}

void
cache_space_init(struct cache_space *s, const struct cache_ops *ops, struct blkdev *dev, uint32_t block_shift)
{
    *s = (struct cache_space){ .ops = ops, .dev = dev, .block_shift = block_shift };
    list_init(&s->pages);
    list_init(&s->dirty);
    waitq_init(&s->idle);
}

void
page_insert(struct page *p, struct cache_space *s, uint64_t index)
{
    struct page **head = &cache.hash[page_hash(s, index)];

    p->space = s;
    p->index = index;
    p->hash_next = *head;
    *head = p;
    list_push_tail(&s->pages, &p->space_link);
    list_push_tail(&cache.lru, &p->lru);
    s->page_count++;
    cache.page_count++;
}

void
page_clean(struct page *p)
{
    if (p->dirty == 0)
        return;
    p->dirty = 0;
    list_remove(&p->dirty_link);
    p->space->dirty_count--;
    if (!list_empty(&p->age_link)) {
        list_remove(&p->age_link);
        cache.dirty_count--;
    }
}

void
page_cut_off(struct page *p)
{
    struct page **link = &cache.hash[page_hash(p->space, p->index)];

    page_unmap_all(p);
    page_clean(p);
    if (p->space->recent == p)
        p->space->recent = NULL;
    while (*link != p)
        link = &(*link)->hash_next;
    *link = p->hash_next;
    list_remove(&p->space_link);
    list_remove(&p->lru);
    p->space->page_count--;
    cache.page_count--;
    if (__atomic_fetch_or(&p->pins, PAGE_CUT_OFF, __ATOMIC_RELAXED) != 0)
        list_push_tail(&cache.cut_off, &p->lru);
    p->space = NULL;
}

void *
cache_page_alloc(void)
{
    void *data = page_alloc();

    for (int tries = 0; data == NULL && tries < RELIEVE_TRIES_MAX; tries++) {
        if (cache_reclaim(RECLAIM_BATCH) == 0 && !cache_relieve())
            return NULL;
        data = page_alloc();
    }
    return data;
}

struct page *
page_new(void *data)
{
    struct page *p;

    if (cache.page_count >= cache.limit && cache_reclaim(RECLAIM_BATCH) == 0)
        cache_relieve();
    p = heap_alloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    p->data = data != NULL ? data : cache_page_alloc();
    if (p->data == NULL) {
        heap_free(p);
        return NULL;
    }
    p->pins = 1;
    p->sector = CACHE_HOLE;
    list_init(&p->lru);
    list_init(&p->space_link);
    list_init(&p->dirty_link);
    list_init(&p->age_link);
    waitq_init(&p->wq);
    return p;
}

void
page_destroy(struct page *p)
{
    if (!list_empty(&p->lru)) {         /* in cut_off */
        lock_acquire(&cache.lock);
        list_remove(&p->lru);
        lock_release(&cache.lock);
    }
    page_free(p->data);
    heap_free(p);
}

struct page *
cache_page_of(struct cache_space *s, uint64_t index, const void *data)
{
    struct page *p;

    lock_acquire(&cache.lock);
    p = page_lookup(s, index);
    if (p == NULL || p->data != data) {
        p = NULL;
        list_for(l, &cache.cut_off) {
            if (container_of(l, struct page, lru)->data == data)
                p = container_of(l, struct page, lru);
        }
    }
    lock_release(&cache.lock);
    EXO_ASSERT(p != NULL);
    return p;
}

void
cache_unpin_data(struct cache_space *s, uint64_t index, const void *data)
{
    cache_unpin(cache_page_of(s, index, data));
}

void
cache_pin_data(struct cache_space *s, uint64_t index, const void *data)
{
    cache_pin(cache_page_of(s, index, data));
}

struct page *
cache_find(struct cache_space *s, uint64_t index)
{
    struct page *p;

    lock_acquire(&cache.lock);
    p = page_pin_valid(s, index);
    lock_release(&cache.lock);
    return p;
}

void
page_await_io(struct page *p)
{
    while (p->flags & PG_IO) {
        if (wait_sleep(&p->wq, &cache.lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
}

/* Puts `fresh` (one pin, valid) at index, or, when a page is there, pins and returns that one; *used says which. */
static struct page *
insert_or_find(struct cache_space *s, uint64_t index, struct page *fresh)
{
    struct page *p;

    lock_acquire(&cache.lock);
    while ((p = page_lookup(s, index)) != NULL && (p->flags & PG_IO)) {
        p->pins++;
        page_await_io(p);
        lock_release(&cache.lock);
        cache_unpin(p);
        lock_acquire(&cache.lock);
    }
    if (p == NULL) {
        p = fresh;
        p->flags = PG_VALID | PG_USED;
        page_insert(p, s, index);
    } else {
        p->pins++;
    }
    lock_release(&cache.lock);
    return p;
}

int
cache_get_zeroed(struct cache_space *s, uint64_t index, struct page **out)
{
    struct page *fresh = page_new(NULL);

    if (fresh == NULL)
        return -ENOMEM;
    memset(fresh->data, 0, PAGE_SIZE);
    *out = insert_or_find(s, index, fresh);
    if (*out != fresh)
        page_destroy(fresh);
    return 0;
}

int
cache_adopt(struct cache_space *s, uint64_t index, void *data, struct page **out)
{
    struct page *fresh = page_new(data);

    if (fresh == NULL) {
        page_free(data);
        return -ENOMEM;
    }
    *out = insert_or_find(s, index, fresh);
    if (*out != fresh) {
        memcpy((*out)->data, data, PAGE_SIZE);
        page_destroy(fresh);
    }
    return 0;
}

void
cache_dirty(struct page *p, uint32_t off, uint32_t len)
{
    uint32_t first = off / BLK_SECTOR, last = (off + len - 1) / BLK_SECTOR;
    uint8_t bits = (uint8_t)((0xff << first) & (0xff >> (7 - last)));
    struct cache_space *s = p->space;

    if ((p->dirty & bits) == bits || s == NULL)
        return;
    lock_acquire(&cache.lock);
    s = p->space;
    if (s != NULL) {
        if (p->dirty == 0) {
            p->dirty_ns = clock_monotonic_ns();
            list_push_tail(&s->dirty, &p->dirty_link);
            s->dirty_count++;
            if (s->ops != NULL && !s->ordered) {
                list_push_tail(&cache.aged, &p->age_link);
                cache.dirty_count++;
            }
        }
        p->dirty |= bits;
    }
    lock_release(&cache.lock);
}

void
cache_forget(struct cache_space *s, uint64_t off, uint64_t len)
{
    for (uint64_t end = off + len, next; off < end; off = next) {
        uint32_t first = (uint32_t)((off & PAGE_MASK) / BLK_SECTOR), last;
        struct page *p;

        next = MIN(PAGE_DOWN(off) + PAGE_SIZE, end);
        last = (uint32_t)(((next - 1) & PAGE_MASK) / BLK_SECTOR);
        lock_acquire(&cache.lock);
        p = page_lookup(s, off >> PAGE_SHIFT);
        if (p != NULL && p->dirty != 0) {
            uint8_t left = p->dirty & (uint8_t)~((0xff << first) & (0xff >> (7 - last)));

            if (left == 0)
                page_clean(p);
            else
                p->dirty = left;
        }
        /* A write of it that is under way could land after the block's next owner has written: wait it out. */
        if (p != NULL && (p->flags & PG_WRITE)) {
            p->pins++;
            while (p->flags & PG_WRITE) {
                if (wait_sleep(&cache.writing_less, &cache.lock, DEADLINE_NEVER, 0) != 0)
                    continue;
            }
            lock_release(&cache.lock);
            cache_unpin(p);
            continue;
        }
        lock_release(&cache.lock);
    }
}

/* Idle pages that were just cut off. */
static void
destroy_all(struct list *dead)
{
    list_for_safe(l, tmp, dead) {
        list_init(l);
        page_destroy(container_of(l, struct page, lru));
    }
}

/* A page in flight or pinned leaves its space once nothing is in flight. Cache lock held, dropped while asleep. */
static void
truncate_busy(struct page *p)
{
    p->pins++;
    page_await_io(p);
    while (p->flags & PG_WRITE) {
        if (wait_sleep(&cache.writing_less, &cache.lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    if (!(p->pins & PAGE_CUT_OFF))
        page_cut_off(p);
    lock_release(&cache.lock);
    cache_unpin(p);
    lock_acquire(&cache.lock);
}

/* As above; false when the lock was dropped on the way. Idle pages are collected in `dead`. */
static bool
truncate_page(struct page *p, struct list *dead)
{
    if (p->pins != 0 || (p->flags & (PG_IO | PG_WRITE))) {
        truncate_busy(p);
        return false;
    }
    page_cut_off(p);
    list_push_tail(dead, &p->lru);
    return true;
}

#define TRUNCATE_PROBE_MAX 64           /* ranges up to this long are looked up page by page */

static void
truncate_locked(struct cache_space *s, uint64_t first, uint64_t last, struct list *dead)
{
    bool again;

    if (last - first <= TRUNCATE_PROBE_MAX) {
        for (; first < last && s->page_count > 0; first++) {
            struct page *p = page_lookup(s, first);
            if (p != NULL)
                truncate_page(p, dead);
        }
        return;
    }
    do {
        again = false;
        list_for_safe(l, tmp, &s->pages) {
            struct page *p = container_of(l, struct page, space_link);

            if (p->index >= first && p->index < last && !truncate_page(p, dead)) {
                again = true;           /* the list may have changed while the lock was dropped */
                break;
            }
        }
    } while (again);
}

void
cache_truncate(struct cache_space *s, uint64_t first, uint64_t last)
{
    struct list dead;

    list_init(&dead);
    lock_acquire(&cache.lock);
    if (s->page_count > 0 && first < last)
        truncate_locked(s, first, last, &dead);
    lock_release(&cache.lock);
    destroy_all(&dead);
}

uint64_t
cache_reclaim(uint64_t want)
{
    struct list dead;
    uint64_t freed = 0, scan = MIN(cache.page_count * 2, RECLAIM_SCAN_MAX);

    list_init(&dead);
    lock_acquire(&cache.lock);
    while (scan-- > 0 && freed < want && !list_empty(&cache.lru)) {
        struct page *p = container_of(cache.lru.next, struct page, lru);

        list_remove(&p->lru);
        list_push_tail(&cache.lru, &p->lru);
        if (p->flags & PG_USED) {
            p->flags &= (uint16_t)~PG_USED;
        } else if (p->pins == 0 && p->dirty == 0 && !(p->flags & (PG_IO | PG_WRITE))) {
            page_cut_off(p);
            list_push_tail(&dead, &p->lru);
            freed++;
        }
    }
    lock_release(&cache.lock);
    destroy_all(&dead);
    return freed;
}

void
cache_stats(struct cache_stats *out)
{
    *out = (struct cache_stats){ cache.page_count, cache.dirty_count, cache.writing_count, cache.limit };
}
