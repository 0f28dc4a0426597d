/*
 * slab.h: memory for packets, pcbs and sockets: objects of one size cut from session pages, grown and given back a page at a time.
 *
 * Needs net_lock.
 */
#ifndef EXOS_NET_SLAB_H
#define EXOS_NET_SLAB_H

#include "base/base.h"
#include "base/list.h"

#define SLAB_OBJECT_MAX 2016u       /* two to a page */
#define SLAB_SPARE_PAGES 1u         /* empty pages a cache keeps */

struct slab_cache {
    uint32_t size;                  /* of an object, multiple of 16 */
    uint32_t limit;                 /* objects at most */
    uint32_t used;
    uint32_t page_count;
    uint32_t empty_pages;
    struct list partial;            /* slab_page.link with at least one free object */
};

#define SLAB_CACHE_INIT(bytes, max) { (uint32_t)(((bytes) + 15u) & ~15u), (max), 0, 0, 0, { 0, 0 } }

void slab_cache_init(struct slab_cache *c);
/* An object with undefined contents, or NULL: the limit or the session's memory is reached. */
void *slab_alloc(struct slab_cache *c) MUST_USE;
void slab_free(void *p);

#endif
