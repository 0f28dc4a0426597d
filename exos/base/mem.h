/*
 * mem.h: session memory. Never faults, same address in every space of the session.
 */
#ifndef EXOS_MEM_H
#define EXOS_MEM_H

#include "base/base.h"

/* Small objects, 16-byte aligned, zeroed. NULL when the session's account is exhausted. Any size up to 64 KiB. */
void *heap_alloc(size_t size) MUST_USE;
void heap_free(void *p);
/* Pages in which no object lies go back. */
void heap_trim(void);

struct heap_stats {
    uint64_t objects;           /* how many there are */
    uint64_t slabs;             /* pages for small ones */
    uint64_t idle;              /* pages of large ones that are free: kept as they are for the next */
};
void heap_stats(struct heap_stats *out);
struct heap_class_stats {
    uint64_t size;              /* bytes an object */
    uint64_t used, places;      /* objects */
    uint64_t slabs;             /* pages */
};
/* Small objects by size. False: there is no such class. */
bool heap_class_stats(unsigned index, struct heap_class_stats *out);

/* One page of session memory (contents undefined) and, through page_frame(), its physical frame for I/O and mappings. */
void *page_alloc(void) MUST_USE;
void page_free(void *page);
uint64_t page_frame(const void *page);

/* Contiguous session virtual memory (frames need not be contiguous), zeroed, for tables and pools made once at start. */
void *session_alloc(size_t bytes) MUST_USE;

/* Frames that the session could still take, and all it has: what the cache sizes itself by. */
uint64_t mem_free_pages(void);
uint64_t mem_total_pages(void);

#endif
