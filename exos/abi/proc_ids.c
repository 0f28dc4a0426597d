/*
 * proc_ids.c: who a process is: ids of process, group, session and user.
 *
 * Uids inside a session are bookkeeping (the session is the protection boundary), so a change is recorded, never refused.
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
    return proc_current()->pid;
}

LX(getppid)
{
    (void)args;
    return proc_current()->ppid;
}

LX(set_tid_address)
{
    struct proc *p = proc_current();

    p->clear_tid = args->a[0];
    return p->pid;
}

LX(getuid)
{
    (void)args;
    return proc_current()->fs->uid;
}

LX(geteuid)
{
    (void)args;
    return proc_current()->fs->uid;
}

LX(getgid)
{
    (void)args;
    return proc_current()->fs->gid;
}

LX(getegid)
{
    (void)args;
    return proc_current()->fs->gid;
}

static long
set_id(uint32_t *id, uint64_t value)
{
    if ((uint32_t)value == UINT32_MAX)
        return 0;
    *id = (uint32_t)value;
    return 0;
}

LX(setuid)
{
    return (uint32_t)args->a[0] == UINT32_MAX ? -EINVAL : set_id(&proc_current()->fs->uid, args->a[0]);
}

LX(setgid)
{
    return (uint32_t)args->a[0] == UINT32_MAX ? -EINVAL : set_id(&proc_current()->fs->gid, args->a[0]);
}

LX(setreuid)
{
    return set_id(&proc_current()->fs->uid, args->a[1]);
}

LX(setregid)
{
    return set_id(&proc_current()->fs->gid, args->a[1]);
}

LX(setresuid)
{
    return set_id(&proc_current()->fs->uid, args->a[1]);
}

LX(setresgid)
{
    return set_id(&proc_current()->fs->gid, args->a[1]);
}

static long
put_three(const struct lx_args *args, uint32_t id)
{
    for (int i = 0; i < 3; i++)
        if (user_copy_out(args->a[i], &id, sizeof(id)) != 0)
            return -EFAULT;
    return 0;
}

LX(getresuid)
{
    return put_three(args, proc_current()->fs->uid);
}

LX(getresgid)
{
    return put_three(args, proc_current()->fs->gid);
}

LX(setfsuid)
{
    (void)args;
    return proc_current()->fs->uid;
}

LX(setfsgid)
{
    (void)args;
    return proc_current()->fs->gid;
}

/* No supplementary groups. */
LX(getgroups)
{
    return (int)args->a[0] < 0 ? -EINVAL : 0;
}

LX(setgroups)
{
    (void)args;
    return 0;
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

    if ((int32_t)pgid < 0)
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
