/*
 * misc_thread.c: what a C library asks for at start and around threads: thread pointer, names, scheduling, futex. One thread a process yet.
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
#define PR_SET_NO_NEW_PRIVS 38
#define PR_GET_NO_NEW_PRIVS 39
#define NAME_BYTES 16
#define ROBUST_HEAD_BYTES 24
#define NICE_MIN (-20)
#define NICE_MAX 19
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE 128u
#define FUTEX_REALTIME 256u

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

static long
set_own_name(uva_t from)
{
    char name[NAME_BYTES];
    ssize n = user_string_in(name, from, sizeof(name));

    if (n == -EFAULT)
        return -EFAULT;
    name[NAME_BYTES - 1] = '\0';
    memcpy(proc_current()->name, name, sizeof(name));
    return 0;
}

LX(prctl)
{
    struct proc *p = proc_current();

    switch ((int)args->a[0]) {
    case PR_SET_NAME:
        return set_own_name(args->a[1]);
    case PR_GET_NAME:
        return user_copy_out(args->a[1], p->name, NAME_BYTES) == 0 ? 0 : -EFAULT;
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
        return -EINVAL;
    }
}

LX(set_robust_list)
{
    return args->a[1] == ROBUST_HEAD_BYTES ? 0 : -EINVAL;
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

/* ---- futex ---- */

struct futex_waiter {
    struct list link;
    uint64_t va, space;
    bool woken;
    struct waitq wq;
};
static struct list futexes = { &futexes, &futexes };

static int
futex_deadline(const struct lx_args *args, unsigned op, uint64_t *deadline)
{
    int64_t t[2];
    uint64_t ns, now = clock_monotonic_ns();

    *deadline = DEADLINE_NEVER;
    if (args->a[3] == 0)
        return 0;
    if (user_copy_in(t, args->a[3], sizeof(t)) != 0)
        return -EFAULT;
    if (t[0] < 0 || t[1] < 0 || t[1] >= (int64_t)NSEC_PER_SEC)
        return -EINVAL;
    if (t[0] > INT32_MAX)
        return 0;
    ns = (uint64_t)t[0] * NSEC_PER_SEC + (uint64_t)t[1];
    if (op == FUTEX_WAIT)
        *deadline = now + ns;
    else
        *deadline = args->a[1] & FUTEX_REALTIME ? now + (ns > clock_realtime_ns() ? ns - clock_realtime_ns() : 0) : ns;
    return 0;
}

/* The key is address and space: nothing is shared between processes yet. */
static long
futex_wait(const struct lx_args *args, unsigned op)
{
    struct futex_waiter *w;
    uint64_t deadline;
    uint32_t value;
    int err = futex_deadline(args, op, &deadline);

    if (err != 0)
        return err;
    if (!user_load32(&value, args->a[0]))
        return -EFAULT;
    if (value != (uint32_t)args->a[2])
        return -EAGAIN;
    w = heap_alloc(sizeof(*w));
    if (w == NULL)
        return -ENOMEM;
    w->va = args->a[0];
    w->space = proc_current()->space;
    waitq_init(&w->wq);
    list_push_tail(&futexes, &w->link);
    while (!w->woken && err == 0)
        err = wait_sleep(&w->wq, NULL, deadline, WAIT_INTR);
    if (w->woken)
        err = 0;
    list_remove(&w->link);
    heap_free(w);
    return err;
}

static long
futex_wake(uint64_t va, uint64_t most)
{
    uint64_t space = proc_current()->space;
    long n = 0;

    list_for_safe(pos, next, &futexes) {
        struct futex_waiter *w = container_of(pos, struct futex_waiter, link);

        if (w->va != va || w->space != space || w->woken || (uint64_t)n >= most)
            continue;
        w->woken = true;
        wake_all(&w->wq);
        n++;
    }
    return n;
}

LX(futex)
{
    unsigned op = (unsigned)args->a[1] & ~(FUTEX_PRIVATE | FUTEX_REALTIME);

    if (args->a[0] & 3)
        return -EINVAL;
    if (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET)
        return futex_wait(args, op);
    if (op == FUTEX_WAKE || op == FUTEX_WAKE_BITSET)
        return futex_wake(args->a[0], (uint32_t)args->a[2]);
    return -ENOSYS;
}
