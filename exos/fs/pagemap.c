/*
 * pagemap.c: where in which spaces a cached page is mapped shared.
 *
 * Holds:    a page that is mapped writable is dirty: the mappings go before its dirty marks do, when it is written back, so that the
 *           next store faults and marks it again; and before it leaves its file, so that the next touch finds the end of the file.
 *           Each mapping has a pin. Between cache_map() and the entry nothing sleeps.
 * Locks:    cache.lock.
 * Not here: private mappings of cached pages, which are read-only and keep the page by a pin alone.
 */
#include "base/mem.h"
#include "fs/cache_priv.h"
#include "vm/vm.h"

struct page_map {
    struct page_map *next;
    uint64_t space, va;
    uint64_t *count;            /* pages that this space shares */
};

static struct page_map *unused;

static struct page_map **
find(struct page *p, uint64_t space, uint64_t va)
{
    struct page_map **link = &p->maps;

    while (*link != NULL && ((*link)->space != space || (*link)->va != va))
        link = &(*link)->next;
    return link;
}

/* Off the page's list; the pin is the caller's again. Lock held. */
static void
forget(struct page_map **link)
{
    struct page_map *m = *link;

    *link = m->next;
    --*m->count;
    m->next = unused;
    unused = m;
}

int
cache_map(struct page *p, uint64_t space, uint64_t va, uint64_t *count)
{
    struct page_map *m;

    lock_acquire(&cache.lock);
    m = unused;
    if (m != NULL)
        unused = m->next;
    lock_release(&cache.lock);
    if (m == NULL)
        m = heap_alloc(sizeof(*m));
    if (m == NULL)
        return -ENOMEM;
    lock_acquire(&cache.lock);
    *m = (struct page_map){ p->maps, space, va, count };
    p->maps = m;
    ++*count;
    lock_release(&cache.lock);
    return 0;
}

void
cache_unmap(struct page *p, uint64_t space, uint64_t va)
{
    struct page_map **link;

    lock_acquire(&cache.lock);
    link = find(p, space, va);
    EXO_ASSERT(*link != NULL);
    forget(link);
    lock_release(&cache.lock);
    cache_unpin(p);
}

void
page_unmap_all(struct page *p)
{
    while (p->maps != NULL) {
        pt_clear_in(p->maps->space, p->maps->va);
        forget(&p->maps);
        __atomic_sub_fetch(&p->pins, 1, __ATOMIC_RELEASE);
    }
}
