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
#define MAP_SHARED 0x01u
#define MAP_PRIVATE 0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_TYPE 0x0fu
#define MAP_FIXED 0x10u
#define MAP_ANONYMOUS 0x20u
#define MAP_GROWSDOWN 0x0100u
#define MAP_NORESERVE 0x4000u
#define MAP_POPULATE 0x8000u
#define MAP_STACK 0x20000u
#define MAP_FIXED_NOREPLACE 0x100000u

#define REGION_STACK  1u        /* grows down when touched below */
#define REGION_SHARED 2u        /* MAP_SHARED */
#define REGION_HEAP   4u        /* made by brk */

struct region {
    uint64_t start, end;
    uint32_t prot;              /* PROT_* */
    uint32_t flags;             /* REGION_* */
    struct file *file;          /* NULL: zeros. One reference per region */
    uint64_t offset;            /* of start in the file, page-aligned */
    uint64_t file_bytes;        /* from start: what the file supplies; beyond it the private mapping is zeros (ELF .bss) */
};

#define REGION_MAX 8192         /* regions of one space */

/* Sorted by address. `last` is where the last lookup ended. */
struct region_map {
    struct region **at;
    uint32_t count, room, last;
    uint64_t pages;
};

void region_map_init(struct region_map *m);
void region_map_free(struct region_map *m);
/* Makes `to`, which is empty, a copy. 0, -ENOMEM: `to` is as far as it got. */
int region_map_copy(struct region_map *to, const struct region_map *from) MUST_USE;
/* The region that holds va, or NULL. */
struct region *region_find(struct region_map *m, uint64_t va);
/* Index of the first region whose end is above va; count when none. */
uint32_t region_index(struct region_map *m, uint64_t va);
/* Adds a copy of *r; it must not overlap. Merges with equal neighbours. NULL: no memory or REGION_MAX. */
struct region *region_add(struct region_map *m, const struct region *r) MUST_USE;
/* Makes va a boundary: 0, -ENOMEM. */
int region_split(struct region_map *m, uint64_t va) MUST_USE;
/* Removes everything in [start, end), which must lie on boundaries (region_split). */
void region_remove(struct region_map *m, uint64_t start, uint64_t end);
/* Joins neighbours that became equal around [start, end]. */
void region_merge(struct region_map *m, uint64_t start, uint64_t end);
/* A free range of len bytes: the highest below `top`, at or above `bottom`, or 0. */
uint64_t region_gap(struct region_map *m, uint64_t len, uint64_t bottom, uint64_t top);

#endif
