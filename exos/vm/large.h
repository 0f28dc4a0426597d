/* large.h: entries of 2 MiB. See large.c. */
#ifndef EXOS_VM_LARGE_H
#define EXOS_VM_LARGE_H

#include "vm/vm.h"

/* A fresh block of zeros around va, with the bits of an entry, if r and its page table allow that and there is one. In the running space. */
bool large_map(struct mm *mm, struct region *r, uint64_t va, uint64_t bits) MUST_USE;
/* The large entry that covers va becomes a page table. */
void large_split(uint64_t va);
/* No large entry has va in its middle any more: a region is to begin or end there. */
void large_cut(uint64_t va);
/* What a walk does to entries, done to the large one at va: changed, or taken out. */
void large_change(struct pt_walk *w, uint64_t va);
/* Room for the large entry at va in another space, which pte_copy is going to share. 0, -ENOMEM. */
int large_share(struct mm *to, uint64_t space, uint64_t va) MUST_USE;
/* Takes the large entry at va out of any space, if there is one. */
void large_drop_remote(struct mm *mm, uint64_t space, uint64_t va);

#endif
