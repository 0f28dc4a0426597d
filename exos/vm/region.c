/*
 * region.c: the set of regions of a space: a sorted array of pointers.
 *
 * Holds:    regions are disjoint, page-aligned, not empty, in order of address; no two neighbours are equal but for their range, unless
 *           a file stands behind them.
 * Bounds:   REGION_MAX. A lookup is a binary search behind a one-entry cache; an insertion moves the pointers above it.
 */
#include "vm/region.h"

#include "base/mem.h"
#include "fs/file.h"

#define FIRST_ROOM 16

void
region_map_init(struct region_map *m)
{
    *m = (struct region_map){ 0 };
}

static void
region_free(struct region *r)
{
    if (r->file != NULL)
        file_put(r->file);
    heap_free(r);
}

void
region_map_free(struct region_map *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        region_free(m->at[i]);
    heap_free(m->at);
    region_map_init(m);
}

int
region_map_copy(struct region_map *to, const struct region_map *from)
{
    to->at = heap_alloc(from->room * sizeof(*to->at));
    if (to->at == NULL)
        return from->room == 0 ? 0 : -ENOMEM;
    to->room = from->room;
    for (uint32_t i = 0; i < from->count; i++) {
        struct region *r = heap_alloc(sizeof(*r));

        if (r == NULL)
            return -ENOMEM;
        *r = *from->at[i];
        if (r->file != NULL)
            file_get(r->file);
        to->at[to->count++] = r;
        to->pages += (r->end - r->start) / PAGE_SIZE;
    }
    return 0;
}

uint32_t
region_index(struct region_map *m, uint64_t va)
{
    uint32_t lo = 0, hi = m->count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (m->at[mid]->end <= va)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct region *
region_find(struct region_map *m, uint64_t va)
{
    uint32_t i = m->last;

    if (i >= m->count || va < m->at[i]->start || va >= m->at[i]->end) {
        i = region_index(m, va);
        if (i == m->count || m->at[i]->start > va)
            return NULL;
        m->last = i;
    }
    return m->at[i];
}

static int
map_grow(struct region_map *m)
{
    uint32_t room = m->room == 0 ? FIRST_ROOM : m->room * 2;
    struct region **at;

    if (m->count < m->room)
        return 0;
    if (m->count >= REGION_MAX || (at = heap_alloc(room * sizeof(*at))) == NULL)
        return -ENOMEM;
    if (m->count > 0)
        memcpy(at, m->at, m->count * sizeof(*at));
    heap_free(m->at);
    m->at = at;
    m->room = room;
    return 0;
}

static void
insert_at(struct region_map *m, uint32_t i, struct region *r)
{
    memmove(m->at + i + 1, m->at + i, (m->count - i) * sizeof(*m->at));
    m->at[i] = r;
    m->count++;
}

static void
remove_at(struct region_map *m, uint32_t i)
{
    m->count--;
    memmove(m->at + i, m->at + i + 1, (m->count - i) * sizeof(*m->at));
}

static bool
joins(const struct region *a, const struct region *b)
{
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags && a->file == NULL && b->file == NULL;
}

/* Joins the region at i with the one after it, if they are equal. */
static void
join_at(struct region_map *m, uint32_t i)
{
    struct region *b;

    if (i + 1 >= m->count || !joins(m->at[i], m->at[i + 1]))
        return;
    b = m->at[i + 1];
    m->at[i]->end = b->end;
    remove_at(m, i + 1);
    region_free(b);
}

struct region *
region_add(struct region_map *m, const struct region *r)
{
    uint32_t i = region_index(m, r->start);
    struct region *copy;

    EXO_ASSERT(r->start < r->end && ((r->start | r->end) & PAGE_MASK) == 0);
    EXO_ASSERT(i == m->count || m->at[i]->start >= r->end);
    if (i > 0 && joins(m->at[i - 1], r)) {
        m->pages += (r->end - r->start) / PAGE_SIZE;
        m->at[i - 1]->end = r->end;
        join_at(m, i - 1);
        return m->at[i - 1];
    }
    if (i < m->count && joins(r, m->at[i])) {
        m->pages += (r->end - r->start) / PAGE_SIZE;
        m->at[i]->start = r->start;
        return m->at[i];
    }
    if (map_grow(m) != 0 || (copy = heap_alloc(sizeof(*copy))) == NULL)
        return NULL;
    *copy = *r;
    if (copy->file != NULL)
        file_get(copy->file);
    insert_at(m, i, copy);
    m->pages += (r->end - r->start) / PAGE_SIZE;
    return copy;
}

int
region_split(struct region_map *m, uint64_t va)
{
    uint32_t i = region_index(m, va);
    struct region *low, *high;
    uint64_t cut;

    if (i == m->count || m->at[i]->start >= va)
        return 0;
    if (map_grow(m) != 0 || (high = heap_alloc(sizeof(*high))) == NULL)
        return -ENOMEM;
    low = m->at[i];
    cut = va - low->start;
    *high = *low;
    high->start = low->end = va;
    if (high->file != NULL) {
        file_get(high->file);
        high->offset += cut;
        high->file_bytes = low->file_bytes > cut ? low->file_bytes - cut : 0;
        low->file_bytes = MIN(low->file_bytes, cut);
    }
    insert_at(m, i + 1, high);
    return 0;
}

void
region_remove(struct region_map *m, uint64_t start, uint64_t end)
{
    uint32_t first = region_index(m, start), last = first;

    for (; last < m->count && m->at[last]->start < end; last++) {
        struct region *r = m->at[last];

        EXO_ASSERT(r->start >= start && r->end <= end);
        m->pages -= (r->end - r->start) / PAGE_SIZE;
        region_free(r);
    }
    if (last == first)
        return;
    memmove(m->at + first, m->at + last, (m->count - last) * sizeof(*m->at));
    m->count -= last - first;
}

void
region_merge(struct region_map *m, uint64_t start, uint64_t end)
{
    uint32_t i = region_index(m, start);

    for (i = i > 0 ? i - 1 : 0; i < m->count && m->at[i]->start <= end; i++)
        while (i + 1 < m->count && joins(m->at[i], m->at[i + 1]))
            join_at(m, i);
}

uint64_t
region_gap(struct region_map *m, uint64_t len, uint64_t bottom, uint64_t top)
{
    uint32_t i = region_index(m, top - 1);

    if (i < m->count && m->at[i]->start < top)
        top = m->at[i]->start;
    for (;;) {
        uint64_t floor = i > 0 ? MAX(m->at[i - 1]->end, bottom) : bottom;

        if (top >= floor && top - floor >= len)
            return top - len;
        if (i == 0 || m->at[i - 1]->start <= bottom)
            return 0;
        top = m->at[--i]->start;
    }
}
