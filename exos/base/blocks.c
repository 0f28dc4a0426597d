/*
 * blocks.c: free frames in blocks of 2 MiB.
 *
 * Holds:    blocks that nothing maps, STASH_MAX at most; what comes beyond goes back to Aegis, frame by frame. One that is wanted and not here
 *           is looked for in the exposed frame table, from the top, for single frames are handed out from the bottom.
 * Bounds:   a search looks at each block of the machine once; one that found nothing is followed by SEARCH_REST requests without.
 * Not here: who wants a block (vm/large.c). Memory that is short is worth more in single frames: the pool takes blocks apart (frames.c).
 */
#include "base/blocks.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/frames.h"
#include "base/lock.h"
#include "base/mem.h"
#include "start/session.h"

#define STASH_MAX 4
#define SEARCH_REST 64
#define ROOM_BLOCKS 8                   /* so many blocks' worth of memory stay free beside one that is taken from Aegis */
#define ALLOC_CALLS_MAX 64              /* Aegis clears 16 frames in a call */

static struct {
    struct lock lock;
    uint32_t count, rest;               /* rest: requests that are not worth a search */
    uint64_t first[STASH_MAX];
} stash = { .lock = LOCK_INIT(LOCK_RANK_SCHED - 1) };

static const volatile struct aeg_frame_info *
frame_info(uint64_t frame)
{
    return aeg_info_entry(&AEG_INFO->frames, frame);
}

static bool
all_free(uint64_t first)
{
    for (uint64_t i = 0; i < BLOCK_FRAMES; i++)
        if (frame_info(first + i)->type != AEG_FRAME_FREE)
            return false;
    return true;
}

/* A block that Aegis has free, or 0. */
static uint64_t
search(void)
{
    for (uint64_t at = AEG_INFO->frames.count / BLOCK_FRAMES; at-- > 1;)
        if (all_free(at * BLOCK_FRAMES))
            return at * BLOCK_FRAMES;
    return 0;
}

static void
free_all(uint64_t *frames, uint64_t count)
{
    uint64_t done = 0;

    for (uint64_t i = 0; i < count; i++)
        frames[i] &= ~AEG_FRAME_ZERO;
    if (count > 0 && aeg_frame_free(CAP_SELF, frames, count, &done) != AEG_OK)
        EXO_PANIC("frame %lx of a block cannot be freed", frames[done]);
}

/* Aegis gives the block, or another was faster. */
static bool
allocate(uint64_t first, bool *zero)
{
    uint64_t frames[BLOCK_FRAMES], have = 0, done;
    aeg_err_t err = AEG_OK;

    for (uint64_t i = 0; i < BLOCK_FRAMES; i++)
        frames[i] = first + i;
    for (unsigned calls = 0; have < BLOCK_FRAMES && (err == AEG_OK || err == AEG_ERR_AGAIN) && calls < ALLOC_CALLS_MAX; calls++) {
        err = aeg_frame_alloc(session.account, CAP_SELF, CAP_SELF, BLOCK_FRAMES - have, frames + have, &done);
        have += done;
    }
    if (have < BLOCK_FRAMES) {
        free_all(frames, have);
        return false;
    }
    *zero = true;
    for (uint64_t i = 0; i < BLOCK_FRAMES; i++)
        *zero &= (frames[i] & AEG_FRAME_ZERO) != 0;
    return true;
}

static uint64_t
stash_take(void)
{
    uint64_t first = 0;

    lock_acquire(&stash.lock);
    if (stash.count > 0)
        first = stash.first[--stash.count];
    lock_release(&stash.lock);
    return first;
}

uint64_t
frame_block_take(bool *zero)
{
    uint64_t first = stash_take();

    *zero = false;
    if (first != 0)
        return first;
    if (stash.rest > 0) {
        stash.rest--;
        return 0;
    }
    if (mem_free_pages() >= (ROOM_BLOCKS + 1) * BLOCK_FRAMES)
        first = search();
    if (first == 0 || !allocate(first, zero)) {
        stash.rest = SEARCH_REST;
        return 0;
    }
    return first;
}

void
frame_block_give(uint64_t first)
{
    uint64_t frames[BLOCK_FRAMES];
    bool kept;

    lock_acquire(&stash.lock);
    kept = stash.count < STASH_MAX;
    if (kept)
        stash.first[stash.count++] = first;
    lock_release(&stash.lock);
    stash.rest = 0;
    if (kept)
        return;
    for (uint64_t i = 0; i < BLOCK_FRAMES; i++)
        frames[i] = first + i;
    free_all(frames, BLOCK_FRAMES);
}

void
frame_block_drop(uint64_t first)
{
    uint64_t bound = 0;

    for (uint64_t i = 0; i < BLOCK_FRAMES; i++)
        bound += frame_info(first + i)->refs != 0;
    if (bound == 0) {
        frame_block_give(first);
        return;
    }
    for (uint64_t frame = first; frame < first + BLOCK_FRAMES && bound < BLOCK_FRAMES; frame++)
        frames_drop(&frame, 1);
}

bool
frame_block_break(void)
{
    uint64_t first = stash_take();

    for (uint64_t frame = first; first != 0 && frame < first + BLOCK_FRAMES; frame++)
        frame_give(frame, false);
    return first != 0;
}

uint64_t
frame_blocks_free(void)
{
    return stash.count * BLOCK_FRAMES;
}
