/*
 * slab.c: objects of one size cut from session pages, and lwIP's general allocator on top of five such sizes.
 *
 * Holds:    every page begins with a slab_page; the free objects of a page are a list threaded through them.
 * Locks:    net_lock.
 * Also:     the rare larger packet (a big datagram to ourselves) from the heap, in a list of its own.
 */
#include "net/slab.h"

#include "base/mem.h"

#include "lwip/arch.h"

#define LARGE_MAX (65536u - 16u)    /* what the heap gives at most, without our header */

struct slab_free_object {
    struct slab_free_object *next;
};

struct slab_page {
    struct list link;               /* in cache->partial, or alone when full */
    struct slab_cache *cache;
    struct slab_free_object *free;
    uint32_t used;
    uint32_t fresh;                 /* objects at the end of the page never handed out */
    uint64_t pad[3];
};

#define SLAB_HEADER sizeof(struct slab_page)
_Static_assert(sizeof(struct slab_page) == 64, "objects stay 16-byte aligned, and two of SLAB_OBJECT_MAX fit a page");
_Static_assert(SLAB_HEADER + 2 * SLAB_OBJECT_MAX <= 4096, "two to a page");

void
slab_cache_init(struct slab_cache *c)
{
    EXO_ASSERT(c->size > 0 && c->size <= SLAB_OBJECT_MAX);
    if (c->partial.next == NULL)
        list_init(&c->partial);
}

static uint32_t
per_page(const struct slab_cache *c)
{
    return (uint32_t)((PAGE_SIZE - SLAB_HEADER) / c->size);
}

static struct slab_page *
page_add(struct slab_cache *c)
{
    struct slab_page *page = page_alloc();

    if (page == NULL)
        return NULL;
    *page = (struct slab_page){ .cache = c, .fresh = per_page(c) };
    list_init(&page->link);
    list_push_head(&c->partial, &page->link);
    c->page_count++;
    c->empty_pages++;
    return page;
}

static void *
page_take(struct slab_page *page)
{
    struct slab_free_object *o = page->free;

    if (o != NULL)
        page->free = o->next;
    else
        o = (void *)((char *)page + PAGE_SIZE - (size_t)page->fresh-- * page->cache->size);
    page->used++;
    return o;
}

void *
slab_alloc(struct slab_cache *c)
{
    struct slab_page *page;
    void *o;

    if (c->used >= c->limit)
        return NULL;
    page = list_empty(&c->partial) ? page_add(c) : container_of(c->partial.next, struct slab_page, link);
    if (page == NULL)
        return NULL;
    if (page->used == 0)
        c->empty_pages--;
    o = page_take(page);
    if (page->free == NULL && page->fresh == 0)
        list_remove(&page->link);
    c->used++;
    return o;
}

static void
page_emptied(struct slab_cache *c, struct slab_page *page)
{
    if (c->empty_pages < SLAB_SPARE_PAGES) {
        c->empty_pages++;
        return;
    }
    list_remove(&page->link);
    c->page_count--;
    page_free(page);
}

void
slab_free(void *p)
{
    struct slab_page *page = (struct slab_page *)PAGE_DOWN((uintptr_t)p);
    struct slab_cache *c = page->cache;
    struct slab_free_object *o = p;

    EXO_ASSERT(page->used > 0);
    if (page->free == NULL && page->fresh == 0)
        list_push_head(&c->partial, &page->link);
    o->next = page->free;
    page->free = o;
    c->used--;
    if (--page->used == 0)
        page_emptied(c, page);
}

/* lwIP's mem_malloc: packet headers, copied packets, the DHCP client. */
static struct slab_cache mem_sizes[] = {
    SLAB_CACHE_INIT(128, UINT32_MAX), SLAB_CACHE_INIT(256, UINT32_MAX), SLAB_CACHE_INIT(512, UINT32_MAX),
    SLAB_CACHE_INIT(1008, UINT32_MAX), SLAB_CACHE_INIT(SLAB_OBJECT_MAX, UINT32_MAX),
};

/* In front of each large one. */
struct large {
    struct list link;
};
static struct list larges = { &larges, &larges };


static void *
large_alloc(size_t size)
{
    struct large *l = size <= LARGE_MAX ? heap_alloc(sizeof(*l) + size) : NULL;

    if (l == NULL)
        return NULL;
    list_push_head(&larges, &l->link);
    return l + 1;
}

/* False: p is not a large one. */
static bool
large_free(void *p)
{
    list_for(pos, &larges) {
        struct large *l = container_of(pos, struct large, link);

        if (l + 1 != p)
            continue;
        list_remove(&l->link);
        heap_free(l);
        return true;
    }
    return false;
}

void *
net_mem_alloc(size_t size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mem_sizes); i++) {
        if (size <= mem_sizes[i].size) {
            slab_cache_init(&mem_sizes[i]);
            return slab_alloc(&mem_sizes[i]);
        }
    }
    return large_alloc(size);
}

void *
net_mem_calloc(size_t count, size_t size)
{
    void *p = size != 0 && count > LARGE_MAX / size ? NULL : net_mem_alloc(count * size);

    return p == NULL ? NULL : memset(p, 0, count * size);
}

void
net_mem_free(void *p)
{
    if (list_empty(&larges) || !large_free(p))
        slab_free(p);
}
