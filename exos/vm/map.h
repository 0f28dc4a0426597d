/* map.h: what the calls that change mappings share. All in the running space. */
#ifndef EXOS_VM_MAP_H
#define EXOS_VM_MAP_H

#include "vm/vm.h"

/* Page-aligned, and nothing of it is above the program's part. */
bool range_ok(uint64_t addr, uint64_t len) MUST_USE;
/* Every page of the range belongs to a region. */
bool range_covered(uint64_t addr, uint64_t len) MUST_USE;
/* The parts of regions within the range, one after the other; fn does not change the map. */
void each_region(uint64_t start, uint64_t end, void (*fn)(struct region *r, uint64_t from, uint64_t to, uint64_t arg), uint64_t arg);

/* Takes the entries of a part of r out of the page tables, and gives up what they held. */
void entries_drop(struct region *r, uint64_t from, uint64_t to);
/* What entries that are gone from a space held: frames of the process, and pinned pages of a file. */
#define ENTRIES_MAX 64
struct aeg_pte_op;
void entries_release(struct mm *mm, uint64_t space, struct region *r, const struct aeg_pte_op *old, uint32_t count);

/* The pages of a part of r get that protection, as far as they are there (protect.c). */
void entries_protect(struct region *r, uint64_t from, uint64_t to, uint32_t prot);
/* Nothing is mapped in the range any more: 0, -ENOMEM. */
int range_unmap(uint64_t addr, uint64_t len) MUST_USE;
/* Where a new mapping goes: an address, or -EINVAL, -ENOMEM, -EEXIST. With MAP_FIXED, nothing is mapped there any more. */
long range_place(uint64_t addr, uint64_t len, uint32_t flags);
/* Makes the pages of a range that are not there, as `error` would; FAULT_WRITE is understood where stores make a page private. 0, or what was wrong:
   -EFAULT, -ENOMEM, -EINTR. */
int vm_populate(uint64_t addr, uint64_t len, uint64_t error);
/* Sets and clears flags of the regions in a range, as far as it is mapped. 0, -ENOMEM. */
int range_flags(uint64_t addr, uint64_t len, uint32_t set, uint32_t clear) MUST_USE;
/* May the process have so much more? */
bool affordable(uint64_t len, uint32_t prot, uint32_t flags) MUST_USE;

#endif
