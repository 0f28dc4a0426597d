/*
 * frames.h: the session's free frames, and mapping them into the session segment.
 *
 * Frames come from Aegis and go back to it in batches.
 */
#ifndef EXOS_FRAMES_H
#define EXOS_FRAMES_H

#include "base/base.h"

/* A free frame (never 0, which means none is left), *zero: it holds zeroes. May give clean cache pages up when no lock is held. */
uint64_t frame_take(bool *zero) MUST_USE;
/* A frame that nothing maps any more. */
void frame_give(uint64_t frame, bool zero);
/* The same for many. */
void frames_give(const uint64_t *frames, uint32_t count);
/* One mapping of each is gone: those go back to the pool for which that was the last (Aegis counts). */
void frames_drop(const uint64_t *frames, uint32_t count);
/* How many page-table entries hold it. */
uint32_t frame_refs(uint64_t frame);
/* Gives up to `wanted` frames back to Aegis: those of the pool, those of free blocks, then those of clean cache pages. No lock is held. How many it gave. */
uint64_t frames_return(uint64_t wanted);
/* Frames waiting in the pool and in blocks. */
uint64_t frame_pool_count(void);

/* Backs [va, va + pages) of the session segment with frames; page-table nodes are added as needed. Zeroed when `zero`. */
int session_map(uint64_t va, uint64_t pages, bool zero) MUST_USE;
/* Takes the frames out again and gives them to the pool. */
void session_unmap(uint64_t va, uint64_t pages);

/* The session page (page_alloc) that a frame is, or NULL. */
void *page_of_frame(uint64_t frame);

/* Free session pages go out of the segment, into the pool. */
void pages_trim(void);
/* How many page-table nodes the session segment has got; none goes back. */
uint64_t session_nodes(void);

void mem_init(void);

#endif
