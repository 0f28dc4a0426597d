/*
 * heap.c: small objects of the session.
 *
 * Holds:    objects up to SMALL_MAX lie in slab pages of one size class each: a header, then equal places, the free ones chained.
 *           Larger ones are runs of pages with a header of 16 bytes, kept on a list per page count when free.
 * Bounds:   HEAP_MAX bytes an object.
 */
#include "base/base.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"

#define HEAP_MAX 65536u
#define SLAB_MAGIC 0x62616c73u
#define RUN_MAGIC 0x6e7572u
#define SLAB_HEADER 64u
#define RUN_HEADER 16u
#define RUN_PAGES_MAX (HEAP_MAX / PAGE_SIZE + 1)
#define EMPTY_KEPT 2u           /* empty slab pages that a class keeps */

static const uint16_t class_size[] = { 16, 32, 48, 64, 96, 128, 192, 256, 320, 448, 576, 800, 1008, 1344, 2016 };
#define CLASS_COUNT ARRAY_SIZE(class_size)
#define SMALL_MAX 2016u

struct slab {
    uint32_t magic;
    uint32_t class;
    uint32_t used, total;
    void *free;
    struct list link;           /* in its class, while a place is free */
};

struct run {
    uint32_t magic;
    uint32_t pages;
    struct run *next;           /* while free */
};

static struct {
    struct lock lock;
    bool ready;
    uint64_t objects;
    struct list partial[CLASS_COUNT];
    uint64_t slabs[CLASS_COUNT];
    uint32_t empty[CLASS_COUNT];
    uint8_t class_by_16[SMALL_MAX / 16 + 1];    /* by size / 16, rounded up */
    struct run *runs[RUN_PAGES_MAX + 1];
} heap = { .lock = LOCK_INIT(LOCK_RANK_HEAP) };

static void
heap_prepare(void)
{
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        list_init(&heap.partial[i]);
    for (unsigned i = 0, c = 0; i < ARRAY_SIZE(heap.class_by_16); i++) {
        if (class_size[c] < i * 16)
            c++;
        heap.class_by_16[i] = (uint8_t)c;
    }
    heap.ready = true;
}

static inline unsigned
class_of(size_t size)
{
    return heap.class_by_16[(size + 15) / 16];
}

static void
slab_make(void *page, unsigned class)
{
    struct slab *s = page;
    char *p = (char *)page + SLAB_HEADER;

    *s = (struct slab){ .magic = SLAB_MAGIC, .class = class, .total = (uint32_t)((PAGE_SIZE - SLAB_HEADER) / class_size[class]) };
    for (uint32_t i = 0; i < s->total; i++, p += class_size[class]) {
        *(void **)p = s->free;
        s->free = p;
    }
    list_push_tail(&heap.partial[class], &s->link);
    heap.empty[class]++;
    heap.slabs[class]++;
}

/* A class has no free place. Lock held; dropped while a page is got, which may give up cache pages. */
static NOINLINE struct slab *
slab_more(unsigned class)
{
    while (list_empty(&heap.partial[class])) {
        void *page;

        lock_release(&heap.lock);
        page = page_alloc();
        lock_acquire(&heap.lock);
        if (page == NULL)
            return NULL;
        slab_make(page, class);
    }
    return container_of(heap.partial[class].next, struct slab, link);
}

static inline void *
small_alloc(unsigned class)
{
    struct list *head = &heap.partial[class];
    struct slab *s = container_of(head->next, struct slab, link);
    void *p;

    if (head->next == head)
        s = slab_more(class);
    if (s == NULL)
        return NULL;
    p = s->free;
    s->free = *(void **)p;
    if (s->used++ == 0)
        heap.empty[class]--;
    if (s->free == NULL)
        list_remove(&s->link);
    return p;
}

/* Lock held. Nothing lies in it; it is the caller's to free. */
static struct slab *
slab_retire(struct slab *s)
{
    heap.empty[s->class]--;
    heap.slabs[s->class]--;
    list_remove(&s->link);
    s->magic = 0;
    return s;
}

static inline void
small_free(struct slab *s, void *p)
{
    struct slab *give = NULL;

    EXO_ASSERT(((uintptr_t)p - (uintptr_t)s - SLAB_HEADER) % class_size[s->class] == 0 && s->used > 0);
    lock_acquire(&heap.lock);
    if (s->free == NULL)
        list_push_head(&heap.partial[s->class], &s->link);
    *(void **)p = s->free;
    s->free = p;
    if (--s->used == 0 && ++heap.empty[s->class] > EMPTY_KEPT)
        give = slab_retire(s);
    lock_release(&heap.lock);
    if (give != NULL)
        page_free(give);
}

static struct slab *
empty_slab(unsigned class)
{
    struct slab *found = NULL;

    lock_acquire(&heap.lock);
    if (heap.empty[class] > 0)
        list_for(pos, &heap.partial[class]) {
            struct slab *s = container_of(pos, struct slab, link);

            if (s->used == 0)
                found = s;
        }
    if (found != NULL)
        slab_retire(found);
    lock_release(&heap.lock);
    return found;
}

void
heap_trim(void)
{
    struct slab *s;

    for (unsigned class = 0; class < CLASS_COUNT; class++)
        while ((s = empty_slab(class)) != NULL)
            page_free(s);
}

static void *
run_alloc(size_t size)
{
    uint32_t pages = (uint32_t)(PAGE_UP(size + RUN_HEADER) / PAGE_SIZE);
    struct run *r;

    lock_acquire(&heap.lock);
    r = heap.runs[pages];
    if (r != NULL)
        heap.runs[pages] = r->next;
    lock_release(&heap.lock);
    if (r == NULL)
        r = session_alloc(pages * PAGE_SIZE);
    if (r == NULL)
        return NULL;
    r->magic = RUN_MAGIC;
    r->pages = pages;
    return (char *)r + RUN_HEADER;
}

static void
run_free(struct run *r)
{
    EXO_ASSERT(r->magic == RUN_MAGIC && r->pages <= RUN_PAGES_MAX);
    lock_acquire(&heap.lock);
    r->magic = 0;
    r->next = heap.runs[r->pages];
    heap.runs[r->pages] = r;
    lock_release(&heap.lock);
}

bool
heap_class_stats(unsigned class, struct heap_class_stats *out)
{
    uint64_t per_slab;

    if (class >= CLASS_COUNT)
        return false;
    per_slab = (PAGE_SIZE - SLAB_HEADER) / class_size[class];
    lock_acquire(&heap.lock);
    *out = (struct heap_class_stats){ class_size[class], heap.slabs[class] * per_slab, heap.slabs[class] * per_slab, heap.slabs[class] };
    if (heap.ready)
        list_for(pos, &heap.partial[class]) {
            const struct slab *s = container_of(pos, struct slab, link);

            out->used -= s->total - s->used;
        }
    lock_release(&heap.lock);
    return true;
}

void
heap_stats(struct heap_stats *out)
{
    *out = (struct heap_stats){ .objects = __atomic_load_n(&heap.objects, __ATOMIC_RELAXED) };
    lock_acquire(&heap.lock);
    for (unsigned class = 0; class < CLASS_COUNT; class++)
        out->slabs += heap.slabs[class];
    for (unsigned pages = 0; pages <= RUN_PAGES_MAX; pages++)
        for (const struct run *r = heap.runs[pages]; r != NULL; r = r->next)
            out->idle += pages;
    lock_release(&heap.lock);
}

void *
heap_alloc(size_t size)
{
    void *p;

    if (size > HEAP_MAX)
        return NULL;
    if (size > SMALL_MAX) {
        p = run_alloc(size);
    } else {
        lock_acquire(&heap.lock);
        if (!heap.ready)
            heap_prepare();
        p = small_alloc(class_of(size));
        lock_release(&heap.lock);
    }
    if (p == NULL)
        return NULL;
    __atomic_add_fetch(&heap.objects, 1, __ATOMIC_RELAXED);
    return memset(p, 0, size);
}

void
heap_free(void *p)
{
    struct slab *s = (struct slab *)((uintptr_t)p & ~PAGE_MASK);

    if (p == NULL)
        return;
    __atomic_sub_fetch(&heap.objects, 1, __ATOMIC_RELAXED);
    if (((uintptr_t)p & PAGE_MASK) == RUN_HEADER) {
        run_free((struct run *)s);
        return;
    }
    EXO_ASSERT(s->magic == SLAB_MAGIC);
    small_free(s, p);
}
