/*
 * proc_ids.c: who a process is: ids of process, group and session.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/file.h"
#include "proc/group.h"
#include "tty/tty.h"

LX(getpid)
{
    (void)args;
    return proc_current()->pid;
}

LX(gettid)
{
    (void)args;
    return thread_self()->tid;
}

LX(getppid)
{
    (void)args;
    return proc_current()->ppid;
}

LX(set_tid_address)
{
    thread_self()->clear_tid = args->a[0];
    return thread_self()->tid;
}

/* ---- groups and sessions of processes ---- */

static struct proc *
named(uint64_t pid)
{
    return (uint32_t)pid == 0 ? proc_current() : proc_find((uint32_t)pid);
}

LX(setpgid)
{
    struct proc *self = proc_current(), *p = named(args->a[0]);
    uint32_t pgid = (uint32_t)args->a[1];

    if ((int32_t)pgid < 0 || (int32_t)args->a[0] < 0)
        return -EINVAL;
    if (p == NULL || (p != self && p->ppid != self->pid))
        return -ESRCH;
    if (pgid == 0)
        pgid = p->pid;
    if (p->sid != self->sid || p->sid == p->pid)
        return -EPERM;
    if (p != self && p->execed)
        return -EACCES;
    if (pgid != p->pid && !group_in_session(pgid, p->sid))
        return -EPERM;
    proc_set_group(p, pgid);
    return 0;
}

LX(getpgid)
{
    const struct proc *p = named(args->a[0]);

    return p != NULL ? (long)p->pgid : -ESRCH;
}

LX(getpgrp)
{
    (void)args;
    return proc_current()->pgid;
}

LX(getsid)
{
    const struct proc *p = named(args->a[0]);

    return p != NULL ? (long)p->sid : -ESRCH;
}

LX(setsid)
{
    struct proc *p = proc_current();

    (void)args;
    if (group_lives(p->pid))
        return -EPERM;
    proc_set_session(p, p->pid);
    p->ctty = NULL;
    return p->pid;
}
