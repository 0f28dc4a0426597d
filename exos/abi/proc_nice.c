/*
 * proc_nice.c: niceness of processes, groups and users (getpriority(2)): kept for each process, without effect.
 */
#include "abi/linux.h"
#include "fs/file.h"
#include "proc/proc.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

struct nice_query {
    uint32_t which, who;
    bool set;
    int nice;                   /* to set; else the least found */
    long err;                   /* of setting somebody's */
};

/* The owner and the superuser may; only the superuser to somebody's advantage. */
static long
may_set_nice(const struct proc *p, int nice)
{
    const struct fs_context *self = proc_current()->fs;

    if (self->uid == 0)
        return 0;
    if (p->fs == NULL || (self->uid != p->fs->ruid && self->uid != p->fs->uid))
        return -EPERM;
    return nice < p->nice ? -EACCES : 0;
}

static bool
nice_one(struct proc *p, uint64_t arg)
{
    struct nice_query *q = (struct nice_query *)arg;
    long err;

    if (q->which == PRIO_PROCESS ? p->pid != q->who : q->which == PRIO_PGRP ? p->pgid != q->who : p->fs == NULL || p->fs->ruid != q->who)
        return false;
    if (!q->set) {
        q->nice = MIN(q->nice, p->nice);
        return true;
    }
    err = may_set_nice(p, q->nice);
    if (err != 0)
        q->err = err;
    else
        p->nice = q->nice;
    return true;
}

/* Who is asked about: 0 is the caller, its group, its user; a thread stands for its process. */
static long
nice_query(struct nice_query *q, const struct lx_args *args)
{
    const struct proc *self = proc_current();
    const struct thread *t;

    if (args->a[0] > PRIO_USER)
        return -EINVAL;
    q->which = (uint32_t)args->a[0];
    q->who = (uint32_t)args->a[1];
    if (q->who == 0)
        q->who = q->which == PRIO_PROCESS ? self->pid : q->which == PRIO_PGRP ? self->pgid : self->fs->ruid;
    else if (q->which == PRIO_PROCESS && (t = thread_find(q->who)) != NULL)
        q->who = t->proc->pid;
    return proc_each(nice_one, (uint64_t)q) > 0 ? q->err : -ESRCH;
}

LX(getpriority)
{
    struct nice_query q = { .nice = NICE_MAX };
    long err = nice_query(&q, args);

    return err != 0 ? err : 20 - q.nice;
}

LX(setpriority)
{
    struct nice_query q = { .set = true, .nice = MAX(MIN((int)args->a[2], NICE_MAX), NICE_MIN) };

    return nice_query(&q, args);
}
