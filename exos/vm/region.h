/*
 * region.h: what is mapped where: a sorted set of disjoint, page-aligned ranges with equal attributes.
 */
#ifndef EXOS_VM_REGION_H
#define EXOS_VM_REGION_H

#include "base/base.h"

struct file;

/* Linux include/uapi/asm-generic/mman-common.h */
#define PROT_READ  1u
#define PROT_WRITE 2u
#define PROT_EXEC  4u
#define PROT_ALL   7u
#define PROT_SEM   8u           /* no more than the other three allow, on this processor */
#define MAP_SHARED 0x01u
#define MAP_PRIVATE 0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_TYPE 0x0fu
#define MAP_FIXED 0x10u
#define MAP_ANONYMOUS 0x20u
#define MAP_GROWSDOWN 0x0100u
#define MAP_NORESERVE 0x4000u
#define MAP_LOCKED 0x2000u
#define MAP_POPULATE 0x8000u
#define MAP_NONBLOCK 0x10000u
#define MAP_HUGETLB 0x40000u
#define MAP_SYNC 0x80000u
#define MAP_STACK 0x20000u
#define MAP_FIXED_NOREPLACE 0x100000u

#define REGION_STACK  1u        /* grows down when touched below */
#define REGION_SHARED 2u        /* MAP_SHARED */
#define REGION_HEAP   4u        /* made by brk */
#define REGION_DONTFORK 8u      /* a child does not have it */
#define REGION_WIPE   16u       /* a child has zeros there */
#define REGION_SEALED 64u       /* shared, and never to be stored to */
#define REGION_HUGE   128u      /* may have entries of 2 MiB */
#define REGION_LOCKED 32u       /* mlock: its pages are there */
#define REGION_PAGER  0xff00u   /* not 0: a pager of the program's answers its faults (pager.c) */
#define REGION_PAGER_SHIFT 8

struct region {
    union {
        uint64_t start;
        struct region *next;    /* while it is in no map */
    };
    uint64_t end;
    uint32_t prot;              /* PROT_* */
    uint16_t flags;             /* REGION_* */
    bool touched;               /* some page of it may have an entry in the page tables */
    struct file *file;          /* NULL: zeros. One reference per region */
    uint64_t offset;            /* of start in the file, page-aligned */
    uint64_t file_bytes;        /* from start: what the file supplies; beyond it the private mapping is zeros (ELF .bss) */
};

#define REGION_MAX 8192         /* regions of one space */

/*
 * Sorted by address. `last` is where the last lookup ended. No gap below gap_top that reaches above gap_from is larger than gap_passed.
 * A few structs are kept in `spare` for the next that are needed.
 */
struct region_map {
    struct region **at;
    uint32_t count, room, last, spares;
    struct region *spare;
    uint64_t pages;
    uint64_t gap_top, gap_from, gap_passed;
};

void region_map_init(struct region_map *m);
void region_map_free(struct region_map *m);
/* Makes `to`, which is empty, what a child has of it. 0, -ENOMEM: `to` is as far as it got. */
int region_map_copy(struct region_map *to, const struct region_map *from) MUST_USE;
uint32_t region_search(struct region_map *m, uint64_t va);     /* for region_index() */

/* Index of the first region whose end is above va; count when none. */
static inline uint32_t
region_index(struct region_map *m, uint64_t va)
{
    uint32_t i = m->last;

    if (i < m->count && m->at[i]->end > va && (i == 0 || m->at[i - 1]->end <= va))
        return i;
    return region_search(m, va);
}

/* The region that holds va, or NULL. */
static inline struct region *
region_find(struct region_map *m, uint64_t va)
{
    uint32_t i = m->last;

    if (i < m->count && m->at[i]->start <= va && va < m->at[i]->end)
        return m->at[i];
    i = region_search(m, va);
    return i < m->count && m->at[i]->start <= va ? m->at[i] : NULL;
}

/* Adds a copy of *r; it must not overlap. Merges with equal neighbours. NULL: no memory or REGION_MAX. */
struct region *region_add(struct region_map *m, const struct region *r) MUST_USE;
int region_split(struct region_map *m, uint64_t start, uint64_t end, uint32_t *first, uint32_t *last) MUST_USE;  /* for region_cut() */

/* Makes start and end boundaries; first..last - 1 are then the regions between them. 0, -ENOMEM: at most start has become one. */
static inline int MUST_USE
region_cut(struct region_map *m, uint64_t start, uint64_t end, uint32_t *first, uint32_t *last)
{
    uint32_t i = *first = region_index(m, start);

    *last = i + 1;
    return i < m->count && m->at[i]->start == start && m->at[i]->end == end ? 0 : region_split(m, start, end, first, last);
}

/* The region at i loses [start, end), with which it begins or ends, and which is not all of it. */
void region_trim(struct region_map *m, uint32_t i, uint64_t start, uint64_t end);
/* Removes the regions first..last - 1. May sleep at its end, the map being in order. */
void region_remove(struct region_map *m, uint32_t first, uint32_t last);
/*
 * Gives [start, end), which begins or ends the region at i, to the neighbour there, if that has this protection and is equal otherwise.
 * The neighbour; NULL: there is none.
 */
struct region *region_lend(struct region_map *m, uint32_t i, uint64_t start, uint64_t end, uint32_t prot);
/* Joins neighbours among first - 1..last that became equal. */
void region_merge(struct region_map *m, uint32_t first, uint32_t last);
#define STACK_GUARD_GAP (256 * PAGE_SIZE)   /* stays free below a region that grows down */
/* A free range of len bytes: the highest below `top`, at or above `bottom`, or 0. */
uint64_t region_gap(struct region_map *m, uint64_t len, uint64_t bottom, uint64_t top);

#endif
