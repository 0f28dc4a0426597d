/* pt.h: page tables that the library owns. See pt.c. */
#ifndef AEGIS_CORE_PT_H
#define AEGIS_CORE_PT_H

#include "core/space.h"

#define PT_ENTRIES 512

/* Fills a new PML4: kernel half, window, exposed information. */
void pt_init_root(aeg_frame_t pml4);
/*
 * Clears entries below the slots that belong to the library until they held `budget` frames; true when nothing is left. *rest, 0 at first:
 * what is left of a large entry that is too large for one step.
 */
bool pt_sweep(aeg_frame_t pml4, uint64_t *rest, uint32_t budget);

/*
 * The entry of `level` that covers va in a space, or NULL when no node is there. node: the frame that holds it. Inline, so that a constant
 * level unrolls it: it is most of what a short pte_set does.
 */
static inline uint64_t *
pt_walk(const struct space *s, uint64_t va, unsigned level, aeg_frame_t *node)
{
    uint64_t entry = s->pml4 << FRAME_SHIFT;
    uint64_t *table;

    for (unsigned l = 4;; l--) {
        table = direct_map(entry & AEG_PTE_ADDR);
        if (l == level)
            break;
        entry = table[va >> (3 + 9 * l) & (PT_ENTRIES - 1)];
        if ((entry & (AEG_PTE_P | AEG_PTE_PS)) != AEG_PTE_P)
            return NULL;
    }
    *node = (entry & AEG_PTE_ADDR) >> FRAME_SHIFT;
    return &table[va >> (3 + 9 * level) & (PT_ENTRIES - 1)];
}

/* For bring-up: attaches nodes as needed, charged to the root account, and maps one frame. */
void pt_boot_map(struct space *s, uint64_t va, aeg_frame_t frame, uint64_t bits);

#endif
