/* pt.h: page tables that the library owns. See pt.c. */
#ifndef AEGIS_CORE_PT_H
#define AEGIS_CORE_PT_H

#include "core/space.h"

#define PT_ENTRIES 512

/* Fills a new PML4: kernel half, window, exposed information. */
void pt_init_root(aeg_frame_t pml4);
/* Clears at most `budget` entries below the slots that belong to the library; true when nothing is left. */
bool pt_sweep(aeg_frame_t pml4, uint32_t budget);

/* The entry of `level` that covers va in a space, or NULL when no node is there. node: the frame that holds it. */
uint64_t *pt_walk(const struct space *s, uint64_t va, unsigned level, aeg_frame_t *node);

/* For bring-up: attaches nodes as needed, charged to the root account, and maps one frame. */
void pt_boot_map(struct space *s, uint64_t va, aeg_frame_t frame, uint64_t bits);

#endif
