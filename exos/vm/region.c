/*
 * region.c: the set of regions of a space: a sorted array of pointers.
 *
 * Holds:    regions are disjoint, page-aligned, not empty, in order of address; no two neighbours are equal but for their range: where a
 *           file stands behind them, they are not equal unless the second goes on in it where the first ends.
 * Bounds:   REGION_MAX, SPARES_MAX. A lookup is a binary search behind a one-entry cache; an insertion moves the pointers above it; the
 *           search for a gap begins where the last one ended, unless what it passed by is large enough.
 */
#include "vm/region.h"

#include "base/mem.h"
#include "fs/file.h"

#define FIRST_ROOM 16
#define SPARES_MAX 8

void
region_map_init(struct region_map *m)
{
    *m = (struct region_map){ 0 };
}

static inline uint64_t
length(const struct region *r)
{
    return r->end - r->start;
}

static inline struct region *
region_new(struct region_map *m, const struct region *from)
{
    struct region *r = m->spare;

    if (r != NULL) {
        m->spare = r->next;
        m->spares--;
    } else {
        r = heap_alloc(sizeof(*r));
    }
    if (r == NULL)
        return NULL;
    *r = *from;
    if (r->file != NULL)
        file_get(r->file);
    return r;
}

/* Its file's reference has been dropped. */
static inline void
region_spare(struct region_map *m, struct region *r)
{
    if (m->spares == SPARES_MAX) {
        heap_free(r);
        return;
    }
    r->next = m->spare;
    m->spare = r;
    m->spares++;
}

/* A region that no map has got to know; its file has other references. */
static void
region_discard(struct region_map *m, struct region *r)
{
    if (r->file != NULL)
        file_put(r->file);
    region_spare(m, r);
}

/* May sleep: regions of files that are out of the map. */
static __attribute__((noinline)) void
chain_free(struct region_map *m, struct region *chain)
{
    while (chain != NULL) {
        struct region *r = chain;

        chain = r->next;
        file_put(r->file);
        region_spare(m, r);
    }
}

void
region_map_free(struct region_map *m)
{
    struct region *r;

    region_remove(m, 0, m->count);
    while ((r = m->spare) != NULL) {
        m->spare = r->next;
        heap_free(r);
    }
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
        struct region *r;

        if (from->at[i]->flags & REGION_DONTFORK)
            continue;
        r = region_new(to, from->at[i]);
        if (r == NULL)
            return -ENOMEM;
        r->flags &= (uint16_t)~REGION_LOCKED;
        to->at[to->count++] = r;
        to->pages += length(r) / PAGE_SIZE;
    }
    return 0;
}

__attribute__((noinline)) uint32_t
region_search(struct region_map *m, uint64_t va)
{
    uint32_t lo = 0, hi = m->count;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (m->at[mid]->end <= va)
            lo = mid + 1;
        else
            hi = mid;
    }
    m->last = lo;
    return lo;
}

static __attribute__((noinline)) int
map_grow(struct region_map *m)
{
    uint32_t room = m->room == 0 ? FIRST_ROOM : m->room * 2;
    struct region **at;

    if (room > REGION_MAX || (at = heap_alloc(room * sizeof(*at))) == NULL)
        return -ENOMEM;
    if (m->count > 0)
        memcpy(at, m->at, m->count * sizeof(*at));
    heap_free(m->at);
    m->at = at;
    m->room = room;
    return 0;
}

static inline int
make_room(struct region_map *m, uint32_t n)
{
    return m->count + n <= m->room ? 0 : map_grow(m);
}

/* n more places at i. The array has them; one instruction moves what is above, downwards from the last. */
static inline void
open_up(struct region_map *m, uint32_t i, uint32_t n)
{
    struct region **from = m->at + m->count - 1, **to = from + n;
    uint64_t moves = m->count - i;

    __asm__ volatile("std\n\trep movsq\n\tcld" : "+S"(from), "+D"(to), "+c"(moves) : : "memory", "cc");
    m->count += n;
}

/* The places first..last - 1 are gone. */
static inline void
close_up(struct region_map *m, uint32_t first, uint32_t last)
{
    struct region **from = m->at + last, **to = m->at + first;
    uint64_t n = m->count - last;

    __asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    m->count -= last - first;
}

/* Equal but for their range and protection, b going on where a ends, or the other way round. */
static inline bool
same_kind(const struct region *a, const struct region *b)
{
    if (a->flags != b->flags || a->file != b->file)
        return false;
    return a->file == NULL || (b->offset - a->offset == b->start - a->start && a->file_bytes == length(a) && b->file_bytes == length(b));
}

static inline bool
joins(const struct region *a, const struct region *b)
{
    return a->end == b->start && a->prot == b->prot && same_kind(a, b);
}

/* Moves what is between two neighbours of the same kind. */
static inline void
boundary_move(struct region *low, struct region *high, uint64_t va)
{
    if (high->file != NULL) {
        high->offset += va - high->start;
        low->file_bytes = va - low->start;
        high->file_bytes = high->end - va;
    }
    low->end = high->start = va;
}

/* b, which is equal and follows, becomes a part of a. */
static inline void
absorb(struct region_map *m, struct region *a, struct region *b)
{
    boundary_move(a, b, b->end);
    a->touched |= b->touched;
    if (b->file != NULL)
        file_put(b->file);      /* a has one, too */
    region_spare(m, b);
}

void
region_merge(struct region_map *m, uint32_t first, uint32_t last)
{
    uint32_t end = MIN(last + 1, m->count), kept = first > 0 ? first - 1 : 0;

    for (uint32_t i = kept + 1; i < end; i++) {
        if (joins(m->at[kept], m->at[i]))
            absorb(m, m->at[kept], m->at[i]);
        else
            m->at[++kept] = m->at[i];
    }
    if (kept + 1 < end)
        close_up(m, kept + 1, end);
}

/* Makes the region `low` longer by r, which follows it and is equal. */
static inline void
extend_up(struct region *low, const struct region *r)
{
    low->end = r->end;
    low->file_bytes += r->file_bytes;
    low->touched |= r->touched;
}

static inline void
extend_down(struct region *high, const struct region *r)
{
    high->start = r->start;
    high->offset = r->offset;
    high->file_bytes += r->file_bytes;
    high->touched |= r->touched;
}

struct region *
region_add(struct region_map *m, const struct region *r)
{
    uint32_t i = region_index(m, r->start);
    struct region *copy;

    EXO_ASSERT(r->start < r->end && ((r->start | r->end) & PAGE_MASK) == 0);
    EXO_ASSERT(i == m->count || m->at[i]->start >= r->end);
    if (i > 0 && joins(m->at[i - 1], r)) {
        extend_up(m->at[i - 1], r);
        m->pages += length(r) / PAGE_SIZE;
        region_merge(m, i, i);
        return m->at[i - 1];
    }
    if (i < m->count && joins(r, m->at[i])) {
        extend_down(m->at[i], r);
        m->pages += length(r) / PAGE_SIZE;
        return m->at[i];
    }
    if (make_room(m, 1) != 0 || (copy = region_new(m, r)) == NULL)
        return NULL;
    open_up(m, i, 1);
    m->at[i] = copy;
    m->last = i;
    m->pages += length(copy) / PAGE_SIZE;
    return copy;
}

/* A new region for what r holds from va on; NULL: no memory. */
static struct region *
upper_part(struct region_map *m, const struct region *r, uint64_t va)
{
    struct region *high = region_new(m, r);
    uint64_t cut = va - r->start;

    if (high == NULL)
        return NULL;
    high->start = va;
    if (high->file != NULL) {
        high->offset += cut;
        high->file_bytes -= MIN(cut, high->file_bytes);
    }
    return high;
}

static inline void
cut_off(struct region *r, uint64_t va)
{
    r->end = va;
    r->file_bytes = MIN(r->file_bytes, va - r->start);
}

/* Cuts the region at i in two at va. */
static int
split_at(struct region_map *m, uint32_t i, uint64_t va)
{
    struct region *high;

    if (make_room(m, 1) != 0 || (high = upper_part(m, m->at[i], va)) == NULL)
        return -ENOMEM;
    cut_off(m->at[i], va);
    open_up(m, i + 1, 1);
    m->at[i + 1] = high;
    return 0;
}

/* Cuts the region at i in three. */
static int
split_twice(struct region_map *m, uint32_t i, uint64_t start, uint64_t end)
{
    struct region *middle, *high;

    if (make_room(m, 2) != 0 || (high = upper_part(m, m->at[i], end)) == NULL)
        return -ENOMEM;
    middle = upper_part(m, m->at[i], start);
    if (middle == NULL) {
        region_discard(m, high);
        return -ENOMEM;
    }
    cut_off(m->at[i], start);
    cut_off(middle, end);
    open_up(m, i + 1, 2);
    m->at[i + 1] = middle;
    m->at[i + 2] = high;
    return 0;
}

int
region_split(struct region_map *m, uint64_t start, uint64_t end, uint32_t *first, uint32_t *last)
{
    uint32_t i = region_index(m, start), j = i;
    bool within = i < m->count && m->at[i]->start < start;

    if (within && m->at[i]->end > end) {
        *first = i + 1;
        *last = i + 2;
        return split_twice(m, i, start, end);
    }
    if (within && split_at(m, i++, start) != 0)
        return -ENOMEM;
    for (j = i; j < m->count && m->at[j]->end <= end; j++)
        continue;
    if (j < m->count && m->at[j]->start < end && split_at(m, j++, end) != 0)
        return -ENOMEM;
    *first = i;
    *last = j;
    return 0;
}

/* A gap has come to be that ends with the region at i: the next search may have to look there. */
static inline void
gap_made(struct region_map *m, uint32_t i)
{
    uint64_t end = i < m->count ? m->at[i]->start : UINT64_MAX;

    m->gap_from = MAX(m->gap_from, end);
}

void
region_trim(struct region_map *m, uint32_t i, uint64_t start, uint64_t end)
{
    struct region *r = m->at[i];

    EXO_ASSERT(end - start < length(r) && (r->start == start || r->end == end));
    if (r->start == start) {
        r->offset += r->file != NULL ? end - start : 0;
        r->file_bytes -= MIN(end - start, r->file_bytes);
        r->start = end;
    } else {
        cut_off(r, start);
        i++;
    }
    m->pages -= (end - start) / PAGE_SIZE;
    gap_made(m, i);
}

void
region_remove(struct region_map *m, uint32_t first, uint32_t last)
{
    struct region *chain = NULL;

    for (uint32_t i = first; i < last; i++) {
        struct region *r = m->at[i];

        m->pages -= length(r) / PAGE_SIZE;
        if (r->file == NULL) {
            region_spare(m, r);
        } else {
            r->next = chain;
            chain = r;
        }
    }
    if (first == last)
        return;
    close_up(m, first, last);
    gap_made(m, first);
    if (chain != NULL)
        chain_free(m, chain);
}

struct region *
region_lend(struct region_map *m, uint32_t i, uint64_t start, uint64_t end, uint32_t prot)
{
    struct region *r = m->at[i], *low, *high;

    if (start == r->start && end < r->end && i > 0) {
        low = m->at[i - 1];
        if (low->end != start || low->prot != prot || !same_kind(low, r))
            return NULL;
        boundary_move(low, r, end);
        low->touched |= r->touched;
        return low;
    }
    if (start > r->start && end == r->end && i + 1 < m->count) {
        high = m->at[i + 1];
        if (high->start != end || high->prot != prot || !same_kind(r, high))
            return NULL;
        boundary_move(r, high, start);
        high->touched |= r->touched;
        return high;
    }
    return NULL;
}

/* How far up the gap below the region at i may be used. */
static inline uint64_t
gap_end(const struct region_map *m, uint32_t i, uint64_t floor)
{
    uint64_t end = m->at[i]->start;

    return !(m->at[i]->flags & REGION_STACK) ? end : end - MIN(end - floor, STACK_GUARD_GAP);
}

/* The search goes on downwards from the region at i. */
static __attribute__((noinline)) uint64_t
gap_below(struct region_map *m, uint32_t i, uint64_t len, uint64_t bottom)
{
    do {
        uint64_t floor = i > 0 ? MAX(m->at[i - 1]->end, bottom) : bottom, at;

        m->gap_from = m->at[i]->start;
        if (m->gap_from <= bottom)
            break;
        at = gap_end(m, i, floor);
        if (at - floor >= len)
            return at - len;
        m->gap_passed = MAX(m->gap_passed, at - floor);
    } while (i-- > 0);
    m->gap_from = UINT64_MAX;
    return 0;
}

uint64_t
region_gap(struct region_map *m, uint64_t len, uint64_t bottom, uint64_t top)
{
    uint64_t at = m->gap_from, floor;
    uint32_t i;

    if (m->gap_top != top || len <= m->gap_passed || at > top) {
        m->gap_top = m->gap_from = at = top;
        m->gap_passed = 0;
    }
    i = region_index(m, at - 1);
    floor = i > 0 ? MAX(m->at[i - 1]->end, bottom) : bottom;
    if (i < m->count && m->at[i]->start < at)
        return gap_below(m, i, len, bottom);
    if (i < m->count && (m->at[i]->flags & REGION_STACK))
        at = MIN(at, gap_end(m, i, floor));
    if (at >= floor && at - floor >= len)
        return at - len;
    m->gap_passed = MAX(m->gap_passed, at - MIN(at, floor));
    return i > 0 ? gap_below(m, i - 1, len, bottom) : 0;
}
