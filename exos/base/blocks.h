/*
 * blocks.h: free frames 512 in a row, on a boundary of 512: what an entry of 2 MiB takes.
 */
#ifndef EXOS_BLOCKS_H
#define EXOS_BLOCKS_H

#include "base/base.h"

#define BLOCK_FRAMES 512ull
#define BLOCK_BYTES (BLOCK_FRAMES * PAGE_SIZE)

/* The first frame of a block, or 0: there is none, or memory is too short to give so much at once. *zero: all of it holds zeroes. */
uint64_t frame_block_take(bool *zero) MUST_USE;
/* A block that nothing maps any more. */
void frame_block_give(uint64_t first);
/* One mapping of a whole block is gone: those of its frames that nothing maps any more are free. */
void frame_block_drop(uint64_t first);
/* A block in hand becomes frames of the pool. False: there is none. */
bool frame_block_break(void);
uint64_t frame_blocks_free(void);             /* in hand, in frames */

#endif
