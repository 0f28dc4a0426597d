/*
 * group.c: process groups and sessions (POSIX.1-2017 XBD 3.296, 3.343): who is in one, and which are orphaned.
 */
#include "proc/group.h"

#include "proc/signal.h"

#define INIT_PID 1

struct query {
    uint32_t pgid, sid;
    const struct proc *but;     /* as if it were gone */
};

static bool
in_group(struct proc *p, uint64_t arg)
{
    const struct query *q = (const struct query *)arg;

    return p->pgid == q->pgid && (q->sid == 0 || p->sid == q->sid);
}

bool
group_lives(uint32_t pgid)
{
    struct query q = { .pgid = pgid };

    return pgid != 0 && proc_each(in_group, (uint64_t)&q) > 0;
}

bool
group_in_session(uint32_t pgid, uint32_t sid)
{
    struct query q = { .pgid = pgid, .sid = sid };

    return pgid != 0 && proc_each(in_group, (uint64_t)&q) > 0;
}

/* A member whose parent could look after it. */
static bool
looked_after(struct proc *p, uint64_t arg)
{
    const struct query *q = (const struct query *)arg;
    const struct proc *parent = proc_find(p->ppid);

    return p != q->but && p->pgid == q->pgid && parent != NULL && parent != q->but && parent->pid != INIT_PID && parent->pgid != q->pgid &&
           parent->sid == p->sid;
}

static bool
stopped_member(struct proc *p, uint64_t arg)
{
    const struct query *q = (const struct query *)arg;

    return p != q->but && p->pgid == q->pgid && p->stopped;
}

bool
group_orphaned(uint32_t pgid, uint32_t sid)
{
    struct query q = { .pgid = pgid, .sid = sid };

    return proc_each(looked_after, (uint64_t)&q) == 0;
}

/* The group is about to lose p, or p as the parent of a member. */
static void
check_group(uint32_t pgid, const struct proc *p)
{
    struct query q = { .pgid = pgid, .sid = p->sid, .but = p };

    if (proc_stopped_count == 0 || proc_each(stopped_member, (uint64_t)&q) == 0 || proc_each(looked_after, (uint64_t)&q) > 0)
        return;
    (void)proc_signal_group(pgid, SIGHUP);
    (void)proc_signal_group(pgid, SIGCONT);
}

void
group_left(struct proc *p)
{
    struct query own = { .pgid = p->pgid, .sid = p->sid };

    if (looked_after(p, (uint64_t)&own))
        check_group(p->pgid, p);
    list_for(pos, &p->children) {
        const struct proc *c = container_of(pos, struct proc, sibling);

        if (c->pgid != p->pgid && c->sid == p->sid)
            check_group(c->pgid, p);
    }
}
