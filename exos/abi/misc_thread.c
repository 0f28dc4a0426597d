/*
 * misc_thread.c: what a C library asks for at start and around threads: thread pointer, names, scheduling.
 */
#include "abi/linux.h"
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
#define NICE_MIN (-20)
#define NICE_MAX 19

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

LX(sched_getaffinity)
{
    uint64_t mask = 1;

    if (args->a[1] < sizeof(mask) || args->a[1] % sizeof(mask) != 0)
        return -EINVAL;
    return user_copy_out(args->a[2], &mask, sizeof(mask)) == 0 ? (long)sizeof(mask) : -EFAULT;
}

LX(sched_setaffinity)
{
    uint64_t mask = 0;

    if (user_copy_in(&mask, args->a[2], MIN(args->a[1], sizeof(mask))) != 0)
        return -EFAULT;
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

LX(sched_getscheduler)
{
    (void)args;
    return 0;
}

LX(sched_setscheduler)
{
    return args->a[1] == 0 ? 0 : -EPERM;
}

LX(sched_getparam)
{
    uint32_t zero = 0;

    return user_copy_out(args->a[1], &zero, sizeof(zero)) == 0 ? 0 : -EFAULT;
}

LX(sched_get_priority_max)
{
    return args->a[0] == 1 || args->a[0] == 2 ? 99 : 0;
}

LX(sched_get_priority_min)
{
    return args->a[0] == 1 || args->a[0] == 2 ? 1 : 0;
}

LX(getpriority)
{
    return args->a[0] > 2 ? -EINVAL : 20 - proc_current()->nice;
}

LX(setpriority)
{
    int nice = (int)args->a[2];

    if (args->a[0] > 2)
        return -EINVAL;
    proc_current()->nice = MAX(MIN(nice, NICE_MAX), NICE_MIN);
    return 0;
}
