/*
 * paging.h: a space whose page tables are the host's: what vm/ sets is mapped, so that a test's own loads and stores see what a program would.
 * Frames are pages of one piece of memory, with the counts that Aegis keeps.
 *
 * Include it after the system's headers.
 */
#ifndef FAKE_EXOS_PAGING_H
#define FAKE_EXOS_PAGING_H

#include "vm/vm.h"

#define ARENA_VA     0x200000000000ull
#define ARENA_BLOCKS 3u                     /* of 2 MiB */
#define ARENA_PAGES  (ARENA_BLOCKS * 512u)

/* Once; then before each test: an empty space, all frames free. */
void paging_init(void);
void paging_reset(void);
extern bool paging_starve;                  /* no frame is to be had */
extern unsigned paging_large;               /* entries of 2 MiB that were ever set */
extern unsigned paging_split;               /* of them, that were split */

unsigned paging_frames_taken(void);
/* The entry of a page of the arena as 4 KiB would have it, whatever its size; 0: none. */
uint64_t paging_entry(unsigned page);
/* A frame that the test keeps, and its memory. */
uint64_t paging_frame(void);
void *paging_memory(uint64_t frame);

#endif
