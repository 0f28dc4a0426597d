/*
 * misc_thread.c: what a C library asks for at start and around threads: thread pointer, names, scheduling.
 */
#include "abi/linux.h"
#include "abi/linux_fs.h"
#include "aegis/info.h"
#include "base/mem.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/proc.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define PR_SET_PDEATHSIG 1
#define PR_GET_PDEATHSIG 2
#define PR_GET_DUMPABLE 3
#define PR_SET_DUMPABLE 4
#define PR_SET_NAME 15
#define PR_GET_NAME 16
#define PR_GET_KEEPCAPS 7
#define PR_GET_SECCOMP 21
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS 38
#define PR_GET_NO_NEW_PRIVS 39
#define NAME_BYTES 16

/* FS is the program's; GS is the library's, and its own. */
LX(arch_prctl)
{
    uint64_t fs;

    switch (args->a[0]) {
    case ARCH_SET_FS:
        if (args->a[1] >= USER_TOP)
            return -EPERM;
        __asm__ volatile("wrfsbase %0" : : "r"(args->a[1]) : "memory");
        return 0;
    case ARCH_GET_FS:
        __asm__ volatile("rdfsbase %0" : "=r"(fs));
        return user_copy_out(args->a[1], &fs, sizeof(fs)) == 0 ? 0 : -EFAULT;
    case ARCH_SET_GS:
    case ARCH_GET_GS:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

/* A process is known by its first thread's name. */
static char *
own_name(void)
{
    struct thread *t = thread_self();

    return t == &t->proc->thread || t->name[0] == '\0' ? t->proc->name : t->name;
}

static long
set_own_name(uva_t from)
{
    struct thread *t = thread_self();
    char name[NAME_BYTES];
    ssize n = user_string_in(name, from, sizeof(name));

    if (n == -EFAULT)
        return -EFAULT;
    name[NAME_BYTES - 1] = '\0';
    memcpy(t == &t->proc->thread ? t->proc->name : t->name, name, sizeof(name));
    return 0;
}

#define TIMER_SLACK_NS 50000    /* what Linux says of ordinary threads */

static long
prctl_more(struct proc *p, int option, uint64_t arg)
{
    int32_t value = p->subreaper;

    switch (option) {
    case PR_SET_CHILD_SUBREAPER:
        p->subreaper = arg != 0;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return user_copy_out(arg, &value, sizeof(value)) == 0 ? 0 : -EFAULT;
    case PR_GET_TIMERSLACK:
        return TIMER_SLACK_NS;
    case PR_SET_TIMERSLACK:     /* no timer is late by choice */
    case PR_GET_KEEPCAPS:
    case PR_GET_SECCOMP:
        return 0;
    default:
        return -EINVAL;
    }
}

LX(prctl)
{
    struct proc *p = proc_current();

    switch ((int)args->a[0]) {
    case PR_SET_NAME:
        return set_own_name(args->a[1]);
    case PR_GET_NAME:
        return user_copy_out(args->a[1], own_name(), NAME_BYTES) == 0 ? 0 : -EFAULT;
    case PR_SET_PDEATHSIG:
        if (args->a[1] > SIG_MAX)
            return -EINVAL;
        p->pdeathsig = (uint32_t)args->a[1];
        return 0;
    case PR_GET_PDEATHSIG:
        return user_copy_out(args->a[1], &p->pdeathsig, sizeof(p->pdeathsig)) == 0 ? 0 : -EFAULT;
    case PR_GET_DUMPABLE:
        return p->dumpable;
    case PR_SET_DUMPABLE:
        p->dumpable = args->a[1] != 0;
        return 0;
    case PR_SET_NO_NEW_PRIVS:
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        return 1;
    default:
        return prctl_more(p, (int)args->a[0], args->a[1]);
    }
}

LX(personality)
{
    return (uint32_t)args->a[0] == UINT32_MAX || args->a[0] == 0 ? 0 : -EINVAL;
}

/* ---- scheduling: one CPU, one queue, no classes ---- */

LX(sched_yield)
{
    (void)args;
    sched_yield_now();
    return 0;
}

/* There is one CPU, and what it does it sees in order: every barrier is there already (membarrier(2)). */
LX(membarrier)
{
    enum { QUERY = 0, GLOBAL = 1, PRIVATE_EXPEDITED = 8, REGISTER_PRIVATE_EXPEDITED = 16 };

    switch ((int)args->a[0]) {
    case QUERY:
        return GLOBAL | PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
    case GLOBAL:
    case PRIVATE_EXPEDITED:
    case REGISTER_PRIVATE_EXPEDITED:
        return args->a[1] == 0 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* Whom the call is about: 0 is the caller. */
static long
scheduled(uint64_t tid)
{
    return (int)tid < 0 ? -EINVAL : tid == 0 || thread_find((uint32_t)tid) != NULL ? 0 : -ESRCH;
}

LX(sched_getaffinity)
{
    uint64_t mask = 1;
    long err = scheduled(args->a[0]);

    if (err != 0)
        return err == -EINVAL ? -ESRCH : err;
    if (args->a[1] < sizeof(mask) || args->a[1] % sizeof(mask) != 0)
        return -EINVAL;
    return user_copy_out(args->a[2], &mask, sizeof(mask)) == 0 ? (long)sizeof(mask) : -EFAULT;
}

LX(sched_setaffinity)
{
    uint64_t mask = 0;
    long err = scheduled(args->a[0]);

    if (user_copy_in(&mask, args->a[2], MIN(args->a[1], sizeof(mask))) != 0)
        return -EFAULT;
    if (err != 0)
        return -ESRCH;
    return mask & 1 ? 0 : -EINVAL;
}

LX(getcpu)
{
    uint32_t zero = 0;

    for (int i = 0; i < 2; i++)
        if (args->a[i] != 0 && user_copy_out(args->a[i], &zero, sizeof(zero)) != 0)
            return -EFAULT;
    return 0;
}

#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_DEADLINE 6
#define PRIORITY_MAX 99
#define SCHED_RESET_ON_FORK 0x40000000u

static bool
is_policy(int policy)
{
    return policy >= 0 && policy <= SCHED_DEADLINE && policy != 4;
}

LX(sched_getscheduler)
{
    return scheduled(args->a[0]);
}

/* The one policy has the one priority 0. */
static long
set_priority(uint64_t tid, uva_t param)
{
    int32_t priority;
    long err = scheduled(tid);

    if (param == 0 || err == -EINVAL)
        return -EINVAL;
    if (user_copy_in(&priority, param, sizeof(priority)) != 0)
        return -EFAULT;
    return err != 0 ? err : priority != 0 ? -EINVAL : 0;
}

LX(sched_setscheduler)
{
    int policy = (int)(args->a[1] & ~(uint64_t)SCHED_RESET_ON_FORK);

    if (!is_policy(policy))
        return -EINVAL;
    return policy != 0 ? -EPERM : set_priority(args->a[0], args->a[2]);
}

LX(sched_setparam)
{
    return set_priority(args->a[0], args->a[1]);
}

LX(sched_getparam)
{
    uint32_t zero = 0;
    long err = scheduled(args->a[0]);

    if (err != 0 || args->a[1] == 0)
        return err != 0 ? err : -EINVAL;
    return user_copy_out(args->a[1], &zero, sizeof(zero)) == 0 ? 0 : -EFAULT;
}

/* Of SCHED_OTHER: how long it may run before others do. */
LX(sched_rr_get_interval)
{
    struct lx_timespec slice = { .tv_nsec = (int64_t)AEG_INFO->slice_ns };
    long err = scheduled(args->a[0]);

    return err != 0 ? err : user_copy_out(args->a[1], &slice, sizeof(slice)) == 0 ? 0 : -EFAULT;
}

static long
priority_bound(int policy, long bound)
{
    return !is_policy(policy) ? -EINVAL : policy == SCHED_FIFO || policy == SCHED_RR ? bound : 0;
}

LX(sched_get_priority_max)
{
    return priority_bound((int)args->a[0], PRIORITY_MAX);
}

LX(sched_get_priority_min)
{
    return priority_bound((int)args->a[0], 1);
}
