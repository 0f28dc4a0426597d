/*
 * revoke.c: Aegis asks the session for frames back.
 *
 * What is free in hand goes first, then the frames of clean cache pages, then what is kept of ended processes; what is dirty is written back
 * meanwhile, and tried again until the deadline. Served by whoever does due work.
 * Not here: swapping, which would give what processes use.
 */
#include "base/revoke.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/clock.h"
#include "base/frames.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/file.h"
#include "proc/proc.h"
#include "start/housekeeper.h"
#include "start/session.h"
#include "thread/thread.h"

#define GIVE_MAX 1024                   /* frames that one round gives */
#define RETRY_NS (10 * 1000 * 1000ull)

static struct {
    const struct aeg_repossession *vector;
    uint64_t lost;                      /* entries of the vector that were seen */
    uint64_t deadline_ns;               /* of the request in hand */
    uint64_t owed;
} revoke;

static const volatile struct aeg_account_info *
account(void)
{
    return aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(session.account));
}

void
spare_return(void)
{
    shells_drop();
    file_spares_drop();
    heap_trim();
    pages_trim();
    while (frame_pool_count() > 0 && frames_return(frame_pool_count()) > 0)
        continue;
}

/* Takes note of a new request; gives a part of what is owed. When to go on. */
static uint64_t
answer(uint64_t now_ns)
{
    uint64_t given;

    if (account()->asked_deadline_ns != revoke.deadline_ns) {
        revoke.deadline_ns = account()->asked_deadline_ns;
        revoke.owed = account()->asked;
    }
    if (revoke.owed == 0 || now_ns >= revoke.deadline_ns)
        return UINT64_MAX;
    given = frames_return(MIN(revoke.owed, GIVE_MAX));
    if (given == 0 && shells_drop() > 0)
        given = frames_return(MIN(revoke.owed, GIVE_MAX));
    revoke.owed -= given;
    if (revoke.owed == 0)
        return UINT64_MAX;
    housekeeper_kick();
    return now_ns + (given > 0 ? 0 : RETRY_NS);
}

static uint64_t
revoke_poll(void)
{
    uint64_t lost = revoke.vector->taken - revoke.lost;

    if (lost > 0)
        log_print("%lu frames of this session were taken by force", lost);
    revoke.lost += lost;
    return answer(clock_monotonic_ns());
}

void
revoke_init(void)
{
    void *page = page_alloc();

    if (page == NULL ||
        aeg_revoke_bind(session.account, AEG_CAPS(CAP_SELF, CAP_SELF), session.housekeeper, page_frame(page)) != AEG_OK)
        EXO_PANIC("nobody would hear that frames are asked back");
    revoke.vector = page;
    due_register(AEG_NOTIFY_REVOKE, revoke_poll);
}
