/*
 * frames.c: a pool of free frames between the session and Aegis.
 *
 * Holds:    frames that nothing maps; those known to hold zeroes carry AEG_FRAME_ZERO.
 * Bounds:   POOL_MAX; a batch goes back to Aegis when it is full.
 * Not here: who gives frames up when there are none; the page cache does.
 */
#include "base/frames.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/blocks.h"
#include "base/lock.h"
#include "base/mem.h"
#include "fs/cache.h"
#include "start/session.h"

#define POOL_MAX 512
#define BATCH 64
#define RECLAIM_BATCH 128

static struct {
    struct lock lock;
    uint32_t count;
    uint64_t frame[POOL_MAX];
} pool = { .lock = LOCK_INIT(LOCK_RANK_SCHED - 1) };

/* Pool lock held. False: Aegis has none for us. */
static bool
pool_fill(void)
{
    uint64_t done = 0, *frames = pool.frame + pool.count;
    aeg_err_t err;

    memset(frames, 0, BATCH * sizeof(*frames));      /* no wishes */
    err = aeg_frame_alloc(session.account, CAP_SELF, CAP_SELF, BATCH, frames, &done);
    if (err != AEG_OK && err != AEG_ERR_LIMIT && err != AEG_ERR_NOMEM && err != AEG_ERR_AGAIN)
        EXO_PANIC("frames refused: kernel error %u", err);
    pool.count += (uint32_t)done;
    return done > 0;
}

static inline uint64_t
pool_take(bool *zero)
{
    uint64_t frame = 0;

    lock_acquire(&pool.lock);
    if (pool.count > 0 || pool_fill())
        frame = pool.frame[--pool.count];
    lock_release(&pool.lock);
    *zero = (frame & AEG_FRAME_ZERO) != 0;
    return frame & ~AEG_FRAME_ZERO;
}

uint64_t
frame_take(bool *zero)
{
    uint64_t frame = pool_take(zero);

    if (frame == 0 && frame_block_break())
        frame = pool_take(zero);
    if (frame == 0 && locks_held() == 0 && cache_reclaim(RECLAIM_BATCH) > 0)
        frame = pool_take(zero);
    return frame;
}

/* Pool lock held: so many go back to Aegis. */
static void
pool_shrink(uint32_t count)
{
    uint64_t *first = pool.frame + pool.count - count, done = 0;

    for (uint32_t i = 0; i < count; i++)
        first[i] &= ~AEG_FRAME_ZERO;
    if (aeg_frame_free(CAP_SELF, first, count, &done) != AEG_OK)
        EXO_PANIC("frame %lx of the pool cannot be freed", first[done]);
    pool.count -= count;
}

/* Pool lock held. */
static inline void
pool_put(uint64_t frame)
{
    if (pool.count == POOL_MAX)
        pool_shrink(BATCH);
    pool.frame[pool.count++] = frame;
}

void
frame_give(uint64_t frame, bool zero)
{
    lock_acquire(&pool.lock);
    pool_put(frame | (zero ? AEG_FRAME_ZERO : 0));
    lock_release(&pool.lock);
}

void
frames_give(const uint64_t *frames, uint32_t count)
{
    lock_acquire(&pool.lock);
    for (uint32_t i = 0; i < count; i++)
        pool_put(frames[i]);
    lock_release(&pool.lock);
}

uint32_t
frame_refs(uint64_t frame)
{
    const volatile struct aeg_table *t = &AEG_INFO->frames;

    return ((const volatile struct aeg_frame_info *)(t->address + frame * t->stride))->refs;
}

void
frames_drop(const uint64_t *frames, uint32_t count)
{
    const volatile struct aeg_table *t = &AEG_INFO->frames;
    uint64_t table = t->address, stride = t->stride;

    lock_acquire(&pool.lock);
    for (uint32_t i = 0; i < count; i++)
        if (((const volatile struct aeg_frame_info *)(table + frames[i] * stride))->refs == 0)
            pool_put(frames[i]);
    lock_release(&pool.lock);
}

static uint64_t
pool_return(uint64_t wanted)
{
    uint32_t count;

    lock_acquire(&pool.lock);
    count = (uint32_t)MIN(wanted, pool.count);
    if (count > 0)
        pool_shrink(count);
    lock_release(&pool.lock);
    return count;
}

uint64_t
frames_return(uint64_t wanted)
{
    uint64_t given = pool_return(wanted);

    while (given < wanted && (frame_block_break() || cache_reclaim(RECLAIM_BATCH) > 0))
        given += pool_return(wanted - given);
    return given;
}

uint64_t
frame_pool_count(void)
{
    return pool.count + frame_blocks_free();
}

static const volatile struct aeg_account_info *
account(void)
{
    return aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(session.account));
}

uint64_t
mem_total_pages(void)
{
    return account()->limits.limit[AEG_KIND_FRAME];
}

uint64_t
mem_free_pages(void)
{
    uint64_t limit = mem_total_pages(), used = account()->used[AEG_KIND_FRAME];
    uint64_t room = used < limit ? limit - used : 0;

    return MIN(room, AEG_INFO->frames_free) + frame_pool_count();
}
