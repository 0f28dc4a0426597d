/*
 * pager.h: faults in a range of memory, answered by the program itself; for C programs. The page
 * `Pagers` of the manual has the rules.
 *
 * Results are not the C convention's: 0 or a count, or -errno. A handler calls these in the midst
 * of the program, whose errno it must not spoil.
 */
#ifndef EXOS_PAGER_H
#define EXOS_PAGER_H

#include <stddef.h>
#include <sys/mman.h>

#include <exos/api.h>
#include <exos/gate.h>

/*
 * Faults in the pages from `start` on are the handler's from now on: those of pages that are not
 * there, and those that exos_pages_protect() has brought about. The pages keep the access that they
 * have. All must belong to private anonymous mappings, not PROT_NONE, that no pager has.
 */
int
exos_pager_start(void *start, size_t bytes, exos_pager_fn *handler, void *arg);

/* The pager that has `at` answers no more, and its pages are as their mappings say. */
int
exos_pager_end(void *at);

/*
 * Changes what is allowed of pages: PROT_NONE, PROT_READ or PROT_READ | PROT_WRITE, at most what
 * their mapping allows. Pages that become accessible and are not there are made, of zeros. Gives
 * how many elements have been dealt with: less than `count` where one was wrong or no memory was
 * left; an error when that is the first.
 */
static inline long
exos_pages_protect(const struct exos_pages *vector, size_t count)
{
    return EXOS_GATE->pages(vector, count);
}

#endif
