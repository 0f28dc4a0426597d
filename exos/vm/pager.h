/*
 * pager.h: ranges of a program's memory whose faults the program answers itself (exos/api.h, docs/pager.md).
 *
 * What is allowed of each page of such a range stands in the page tables alone: the regions say what may be allowed at most, and which
 * pager it is. A page that is not there, or has PTE_NONE, is the pager's; other faults (a page shared by a fork) are the library's.
 */
#ifndef EXOS_VM_PAGER_H
#define EXOS_VM_PAGER_H

#include "exos/api.h"
#include "vm/vm.h"

long pager_start(uint64_t start, uint64_t bytes, uint64_t handler, uint64_t arg);
long pager_end(uint64_t va);
long pages_protect(uva_t vector, uint64_t n);

/* The program has faulted at va, its stack pointer being rsp. True: its pager will answer when the instruction is tried once more. */
bool pager_answers(uint64_t va, uint64_t rsp) MUST_USE;

/* A region that a pager has may no longer be what it was. */
static inline void
pager_forget(void)
{
    MM->pager = &pager_nobody;
}

/* The page is not there, or less is allowed than by its region. */
bool pager_denies(uint64_t va, uint64_t error) MUST_USE;

int pagers_copy(struct mm *to, const struct mm *from) MUST_USE;
void pagers_free(struct mm *mm);

#endif
