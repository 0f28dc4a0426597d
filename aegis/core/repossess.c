/*
 * repossess.c: frames are taken by force, in bounded steps: the abort protocol.
 *
 * Holds:    how far it has come. First frames that nothing binds go; then, in the order of their numbers, frames that are bound: they are
 *           marked dying (orphans, so that nothing binds them again), block queues and rings that live in them or have them posted are
 *           stopped, and a sweep over all page-table nodes clears the entries that name them, for there is no reverse map. References
 *           drop after the flush; what a device is at work on goes when it is done. When that was not enough, for the rest are nodes and
 *           pinned, the account's spaces are destroyed one by one, and it begins again.
 *           UENVs, save frames and repossession vectors are pinned: they go with their envs and spaces or not at all.
 * Locks:    none: alone in the kernel (turn.c).
 * Not here: from whom, and when (revoke.c).
 */
#include "core/frame.h"
#include "core/pte.h"
#include "core/revoke.h"
#include "core/space.h"
#include "core/tlb.h"
#include "dev/dev.h"

#define SCAN_STEP 4096          /* places of the frame table that one step looks at */
#define SWEEP_STEP 4096         /* entries, frames of large entries, frames that are no nodes */
#define PASSES_MAX 4            /* over all nodes */
#define CLEARED_MAX 512         /* entries that one step clears before its flush */

enum stage { UNBOUND, BOUND, STOP, SWEEP, SPACES, DODGED };

static struct {
    uint32_t account;
    uint64_t keep;
    enum stage stage;
    aeg_frame_t at;             /* where this stage goes on */
    unsigned entry;             /* SWEEP: of that node */
    uint64_t inside;            /* and how many frames of that entry have been looked at */
    uint64_t large;             /* a large entry that was cleared and whose references are going; 0: none */
    unsigned large_level;
    bool moved;                 /* large entries were split or joined since this pass began */
    bool dodging;               /* the account did so itself */
    unsigned passes;
} job;

static uint64_t cleared[CLEARED_MAX];
static unsigned cleared_count;

static void
enter(enum stage stage)
{
    job.stage = stage;
    job.at = 0;
    job.entry = 0;
    job.inside = 0;
}

void
repossess_begin(uint32_t account, uint64_t keep)
{
    job.account = account;
    job.keep = keep;
    job.passes = 0;
    enter(UNBOUND);
}

static uint64_t
owed(void)
{
    uint64_t use = revoke_own_use(job.account), keep = MAX(job.keep, revoke_own_guarantee(job.account));

    return use > keep ? use - keep : 0;
}

/* Takes frames of one sort. True: enough, or there are no more. */
static bool
scan_step(bool bound)
{
    aeg_frame_t end = MIN(job.at + SCAN_STEP, frame_count);
    uint64_t left = owed();

    for (; job.at < end && left > 0; job.at++) {
        if (!frame_repossess(job.at, job.account, bound))
            continue;
        revoke_lost_frame(job.at);
        left--;
    }
    return left == 0 || job.at == frame_count;
}

/* Looks at the frames of a leaf, as far as the budget goes: at one at least. True: one is dying; else the leaf is done if job.inside is 0. */
static bool
leaf_dies(uint64_t entry, unsigned level, uint32_t *budget)
{
    for (; job.inside < pte_frames(level); job.inside++) {
        if (*budget == 0)
            return false;
        --*budget;
        if (frame_dies(pte_frame(entry) + job.inside))
            return true;
    }
    job.inside = 0;
    return false;
}

/* The entry at hand, which is present and a leaf, names a dying frame. Large ones are dealt with one by one. */
static void
leaf_clear(uint64_t *entry, unsigned level)
{
    uint64_t was = *entry;

    job.inside = 0;
    *(volatile uint64_t *)entry = 0;
    frame_at(job.at)->live--;
    if (level == 1) {
        cleared[cleared_count++] = was;
        return;
    }
    tlb_flush_everywhere();
    job.large = was;
    job.large_level = level;
}

/* The entries of the node at hand. True: all are done. */
static bool
sweep_node(uint32_t *budget)
{
    const struct aeg_frame_info *f = frame_at(job.at);
    uint64_t *table = frame_map(job.at);

    for (; job.entry < PT_ENTRIES && f->live != 0; job.entry++) {
        uint64_t entry = table[job.entry];

        if (*budget < 2 || job.large || cleared_count == CLEARED_MAX)    /* for the entry, and one of its frames */
            return false;
        --*budget;
        if (!(entry & AEG_PTE_P) || (f->level > 1 && !(entry & AEG_PTE_PS))) {
            job.inside = 0;     /* of one that has gone meanwhile */
            continue;
        }
        if (leaf_dies(entry, f->level, budget))
            leaf_clear(&table[job.entry], f->level);
        else if (job.inside != 0)
            return false;
    }
    return true;
}

/* One flush for all entries of 4 KiB that this step cleared; then nothing can reach the frames any more. */
static void
sweep_flush(void)
{
    if (cleared_count != 0)
        tlb_flush_everywhere();
    for (unsigned i = 0; i < cleared_count; i++)
        pte_unref(cleared[i], 1);
    cleared_count = 0;
}

/* Drops references of the large entry that was cleared. */
static void
drop_large(void)
{
    uint32_t budget = SWEEP_STEP;

    if (job.large && pte_sweep(&job.large, job.large_level, &budget))
        job.large = 0;
}

/* True: every node has been looked at. */
static bool
sweep_step(void)
{
    uint32_t budget = job.large ? 0 : SWEEP_STEP;

    while (job.at < frame_count && budget > 1) {
        const struct aeg_frame_info *f = frame_at(job.at);

        if (f->type == AEG_FRAME_NODE && f->level <= 3 && !sweep_node(&budget))
            break;
        job.entry = 0;
        job.inside = 0;
        job.at++;
        budget -= budget > 0;
    }
    sweep_flush();
    drop_large();
    return job.at == frame_count && !job.large;
}

bool
repossess_settle(void)
{
    drop_large();
    return !job.large;
}

void
repossess_moved(uint32_t account)
{
    job.moved = true;
    job.dodging |= account == job.account;
}

/* A pass is over. What was moved from a node before the sweep to one behind it is found by another; who goes on moving loses his spaces. */
static void
sweep_again_or_end(void)
{
    bool again = job.moved && frame_dying[job.account] != 0;

    job.moved = false;
    if (!again)
        enter(SPACES);
    else if (++job.passes < PASSES_MAX)
        enter(SWEEP);
    else
        enter(job.dodging ? DODGED : SPACES);
}

/* True: no space is left that could go, or none need go. One that has begun to go does so. */
static bool
spaces_step(bool need)
{
    struct space *s = space_paid(job.account);

    if (!s || (!need && !s->dying))
        return true;
    if (space_destroy_step(s)) {
        revoke_lost_space();
        if (job.stage == SPACES)
            enter(UNBOUND);
    }
    return false;
}

bool
repossess_step(bool pressed)
{
    switch (job.stage) {
    case UNBOUND:
        if (scan_step(false))
            enter(BOUND);
        break;
    case BOUND:
        if (scan_step(true))
            enter(frame_dying[job.account] != 0 ? STOP : SPACES);
        break;
    case STOP:
        blockq_release_dying();
        job.moved = job.dodging = false;
        if (ring_release_dying())
            enter(SWEEP);
        break;
    case SWEEP:
        if (sweep_step())
            sweep_again_or_end();
        break;
    case SPACES:
        return spaces_step(pressed && owed() != 0);
    case DODGED:
        return spaces_step(true);
    }
    return false;
}
