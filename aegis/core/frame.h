/* frame.h: the frame table. See frame.c. */
#ifndef AEGIS_CORE_FRAME_H
#define AEGIS_CORE_FRAME_H

#include "core/kernel.h"

extern struct aeg_frame_info *frame_table;
extern uint64_t frame_count;            /* entries: highest frame of RAM + 1 */

/* Bring-up in two steps: the table and a bump allocator first; when all boot-time allocation is done, what is left becomes free. */
void frame_init(void);
void frame_seal(void);

static inline struct aeg_frame_info *
frame_at(aeg_frame_t frame)
{
    return &frame_table[frame];
}

/*
 * Marks: an integer for each guard that frames lately had. The `base` of a plain frame is 0 or the mark of its guard; no mark is anything
 * that `base` holds in a frame of another type. Equal marks thus say: plain, and the same guard. They are never used twice.
 */
#define MARK_FIRST (1ull << 63)     /* above node addresses and frame numbers */
#define NO_MARK UINT64_MAX          /* no frame has it */
uint64_t guard_mark(struct aeg_name guard);

/* Takes a free frame out of the free list for `account` (already charged), cleared; NULL-like 0 when there is none. */
aeg_frame_t frame_take_zeroed(uint32_t account, struct aeg_name guard);

/* May the capability's holder bind the frame with these rights by an entry? */
aeg_err_t frame_mappable(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights) AEG_MUST_USE;
/* The same, and it is bound: nobody frees it in between. */
aeg_err_t frame_map_ref(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights) AEG_MUST_USE;

/* References are dropped only after the flush of whatever named the frame has completed everywhere. */
void frame_unref(aeg_frame_t frame);

/* Frames of the account at each index that are dying: taken from it, still charged until the last reference has gone. */
extern uint32_t frame_dying[];
/* Takes a plain frame that is not pinned from the account at an index, if that has it and it is bound or not as said. */
bool frame_repossess(aeg_frame_t frame, uint32_t account, bool bound) AEG_MUST_USE;

/*
 * A step of giving back what the account at an index pays for, from frame *at on; what is bound is an orphan of its parent's. True: all of
 * it is done.
 */
bool frame_release_account(uint32_t account, aeg_frame_t *at) AEG_MUST_USE;

/* A plain frame that only the caller has bound becomes an env's save frame, cleared, and a plain one again (unless it was freed meanwhile). */
void frame_become_save(aeg_frame_t frame);
void frame_leave_save(aeg_frame_t frame);

/*
 * Page-table nodes there are, and may be: every reference but those of envs, queues and rings is an entry of one, so that with so many no
 * frame's 32-bit count overflows.
 */
extern uint64_t frame_nodes;
#define FRAME_NODES_MAX ((1ull << 32) / 512 - 8192)

/* A plain frame without references becomes a page-table node: cleared, of this level, covering from base. */
void frame_become_node(aeg_frame_t frame, unsigned level, uint64_t base);
/* A node without references becomes a plain frame again. */
void frame_leave_node(aeg_frame_t frame);

#endif
