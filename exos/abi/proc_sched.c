/*
 * proc_sched.c: how processes say that they want to be scheduled: sched_setscheduler(2), setpriority(2), ioprio_set(2) and their kin.
 *
 * There is one queue, which takes everybody in turn: policies, priorities and niceness are remembered, inherited and told, for
 * the process as a whole, and change nothing.
 */
#include "abi/linux.h"
#include "abi/linux_fs.h"
#include "aegis/info.h"
#include "base/uio.h"
#include "proc/internal.h"
#include "thread/turn.h"

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE };
#define PRIORITY_MAX 99
#define SCHED_RESET_ON_FORK 0x40000000u
#define MOVE_TRIES_MAX 1000
#define MOVE_TRY_NS 100000ull
#define NICE_MIN (-20)
#define NICE_MAX 19
#define NICE_ZERO 20            /* getpriority(2) and RLIMIT_NICE tell 20 - nice */

/* Whom the call is about: 0 is the caller. */
static struct thread *
scheduled_thread(uint64_t tid)
{
    return tid == 0 ? thread_self() : thread_find((uint32_t)tid);
}

static struct proc *
scheduled(uint64_t tid)
{
    const struct thread *t = scheduled_thread(tid);

    return t != NULL ? t->proc : NULL;
}

/* The caller is its owner, or the superuser. */
static bool
may_change(const struct proc *p)
{
    const struct fs_context *own = proc_current()->fs;

    return own->uid == 0 || p->fs == NULL || own->uid == p->fs->uid || own->uid == p->fs->ruid;
}

/* ---- CPUs ---- */

static uint64_t
cpus_mask(void)
{
    return (1ull << cpu_count()) - 1;
}

LX(sched_getaffinity)
{
    const struct thread *t = scheduled_thread((uint32_t)args->a[0]);
    uint64_t mask;

    if (t == NULL)
        return -ESRCH;
    if (args->a[1] < sizeof(mask) || args->a[1] % sizeof(mask) != 0)
        return -EINVAL;
    mask = cpus_mask() & ~t->barred;
    return user_copy_out(args->a[2], &mask, sizeof(mask)) == 0 ? (long)sizeof(mask) : -EFAULT;
}

/* It has left the CPUs that are barred to it, or waits inside the library. */
static void
wait_until_moved(uint32_t tid)
{
    const struct thread *t = thread_find(tid);

    for (unsigned i = 0; i < MOVE_TRIES_MAX && t != NULL && turn_strays(t); i++) {
        (void)!wait_sleep(&waitq_nobody, NULL, clock_monotonic_ns() + MOVE_TRY_NS, 0);
        t = thread_find(tid);
    }
}

/* Who is on a CPU that is barred from now on leaves it on its way out of the library; who computes is told to come there. */
LX(sched_setaffinity)
{
    struct thread *t = scheduled_thread((uint32_t)args->a[0]);
    uint64_t mask = 0;

    if (user_copy_in(&mask, args->a[2], MIN(args->a[1], sizeof(mask))) != 0)
        return -EFAULT;
    if (t == NULL || !may_change(t->proc))
        return t == NULL ? -ESRCH : -EPERM;
    if ((mask & cpus_mask()) == 0)
        return -EINVAL;
    t->barred = cpus_mask() & ~mask;
    thread_attend(t);
    if (t != thread_self())
        wait_until_moved(t->tid);
    return 0;
}

LX(getcpu)
{
    const uint32_t at[] = { cpu_current(), 0 };

    for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
        if (args->a[i] != 0 && user_copy_out(args->a[i], &at[i], sizeof(at[i])) != 0)
            return -EFAULT;
    return 0;
}

/* ---- policies ---- */

static bool
is_policy(int policy)
{
    return policy >= SCHED_OTHER && policy <= SCHED_DEADLINE && policy != SCHED_BATCH + 1;
}

static bool
is_realtime(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* What is asked of a process. */
struct sched_wish {
    int policy, priority, nice;
    bool reset_on_fork;
};

/* RLIMIT_RTPRIO and RLIMIT_NICE are what users may give themselves. */
static bool
within_limits(const struct proc *p, const struct sched_wish *w)
{
    if (proc_current()->fs->uid == 0)
        return true;
    if (is_realtime(w->policy) && (uint64_t)w->priority > p->rlimit[RLIMIT_RTPRIO_K].cur && w->priority > p->traits.priority)
        return false;
    return w->nice >= p->nice || (uint64_t)(NICE_ZERO - w->nice) <= p->rlimit[RLIMIT_NICE_K].cur;
}

static long
apply(struct proc *p, const struct sched_wish *w)
{
    if (!is_policy(w->policy) || w->policy == SCHED_DEADLINE)
        return -EINVAL;
    if (is_realtime(w->policy) ? w->priority < 1 || w->priority > PRIORITY_MAX : w->priority != 0)
        return -EINVAL;
    if (!may_change(p) || !within_limits(p, w))
        return -EPERM;
    p->traits.policy = (uint8_t)w->policy;
    p->traits.priority = (uint8_t)w->priority;
    p->traits.reset_on_fork = w->reset_on_fork;
    p->nice = MAX(MIN(w->nice, NICE_MAX), NICE_MIN);
    return 0;
}

static struct sched_wish
wish_of(const struct proc *p)
{
    return (struct sched_wish){ p->traits.policy, p->traits.priority, p->nice, p->traits.reset_on_fork };
}

LX(sched_getscheduler)
{
    const struct proc *p = scheduled((uint32_t)args->a[0]);

    if ((int32_t)args->a[0] < 0)
        return -EINVAL;
    return p == NULL ? -ESRCH : (long)(p->traits.policy | (p->traits.reset_on_fork ? SCHED_RESET_ON_FORK : 0));
}

/* policy negative: as it is. */
static long
set_policy(uint64_t tid, int64_t policy, uva_t param)
{
    struct proc *p = scheduled((uint32_t)tid);
    int32_t priority;
    struct sched_wish w;

    if (param == 0 || (int32_t)tid < 0)
        return -EINVAL;
    if (user_copy_in(&priority, param, sizeof(priority)) != 0)
        return -EFAULT;
    if (p == NULL)
        return -ESRCH;
    w = wish_of(p);
    w.priority = priority;
    if (policy >= 0) {
        w.policy = (int)(policy & ~(int64_t)SCHED_RESET_ON_FORK);
        w.reset_on_fork = (policy & SCHED_RESET_ON_FORK) != 0;
    }
    return apply(p, &w);
}

LX(sched_setscheduler)
{
    return (int32_t)args->a[1] < 0 ? -EINVAL : set_policy(args->a[0], (int32_t)args->a[1], args->a[2]);
}

LX(sched_setparam)
{
    return set_policy(args->a[0], -1, args->a[1]);
}

LX(sched_getparam)
{
    const struct proc *p = scheduled((uint32_t)args->a[0]);
    int32_t priority;

    if ((int32_t)args->a[0] < 0 || args->a[1] == 0)
        return -EINVAL;
    if (p == NULL)
        return -ESRCH;
    priority = p->traits.priority;
    return user_copy_out(args->a[1], &priority, sizeof(priority)) == 0 ? 0 : -EFAULT;
}

/* Linux include/uapi/linux/sched/types.h: the first version. */
struct lx_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
_Static_assert(sizeof(struct lx_sched_attr) == 48, "Linux include/uapi/linux/sched/types.h");
#define ATTR_RESET_ON_FORK 1u
#define ATTR_KEEP_POLICY   8u
#define ATTR_KEEP_PARAMS   16u
#define ATTR_FLAGS_KNOWN   0x7fu

LX(sched_getattr)
{
    const struct proc *p = scheduled((uint32_t)args->a[0]);
    struct lx_sched_attr a = { .size = sizeof(a) };

    if (args->a[1] == 0 || (int32_t)args->a[0] < 0 || args->a[2] < sizeof(a) || args->a[2] > PAGE_SIZE || args->a[3] != 0)
        return -EINVAL;
    if (p == NULL)
        return -ESRCH;
    a.policy = p->traits.policy;
    a.priority = p->traits.priority;
    a.nice = is_realtime(p->traits.policy) ? 0 : p->nice;
    a.flags = p->traits.reset_on_fork ? ATTR_RESET_ON_FORK : 0;
    return user_copy_out(args->a[1], &a, sizeof(a)) == 0 ? 0 : -EFAULT;
}

LX(sched_setattr)
{
    struct proc *p = scheduled((uint32_t)args->a[0]);
    struct lx_sched_attr a;
    struct sched_wish w;

    if (args->a[1] == 0 || (int32_t)args->a[0] < 0 || args->a[2] != 0)
        return -EINVAL;
    if (user_copy_in(&a, args->a[1], sizeof(a)) != 0)
        return -EFAULT;
    if (a.size != 0 && (a.size < sizeof(a) || a.size > PAGE_SIZE))
        return -E2BIG;
    if ((int32_t)a.policy < 0 || (a.flags & ~(uint64_t)ATTR_FLAGS_KNOWN))
        return -EINVAL;
    if (p == NULL)
        return -ESRCH;
    w = wish_of(p);
    if (!(a.flags & ATTR_KEEP_POLICY))
        w.policy = (int)a.policy;
    if (!(a.flags & ATTR_KEEP_PARAMS)) {
        w.priority = (int)MIN(a.priority, PRIORITY_MAX + 1u);
        w.nice = is_realtime(w.policy) ? p->nice : a.nice;
    }
    w.reset_on_fork = (a.flags & ATTR_RESET_ON_FORK) != 0;
    return apply(p, &w);
}

/* Of those that are not real-time ones, and SCHED_RR: how long it may run before others do. */
LX(sched_rr_get_interval)
{
    const struct proc *p = scheduled((uint32_t)args->a[0]);
    struct lx_timespec slice = { .tv_nsec = (int64_t)AEG_INFO->slice_ns };

    if ((int32_t)args->a[0] < 0)
        return -EINVAL;
    if (p == NULL)
        return -ESRCH;
    if (p->traits.policy == SCHED_FIFO)
        slice.tv_nsec = 0;
    return user_copy_out(args->a[1], &slice, sizeof(slice)) == 0 ? 0 : -EFAULT;
}

static long
priority_bound(int policy, long bound)
{
    return !is_policy(policy) ? -EINVAL : is_realtime(policy) ? bound : 0;
}

LX(sched_get_priority_max)
{
    return priority_bound((int)args->a[0], PRIORITY_MAX);
}

LX(sched_get_priority_min)
{
    return priority_bound((int)args->a[0], 1);
}

/* ---- niceness, and priorities of I/O: of a process, a group, or all of a user ---- */

enum { WHO_PROCESS, WHO_GROUP, WHO_USER };      /* PRIO_*; IOPRIO_WHO_* are one more */

struct members {
    unsigned kind;
    uint32_t id;
    bool set;
    int value;                  /* to set; or the best that was found */
    long err;
    long (*visit)(struct proc *p, struct members *m);
};

static bool
belongs(const struct proc *p, const struct members *m)
{
    switch (m->kind) {
    case WHO_PROCESS:
        return scheduled(m->id) == p;
    case WHO_GROUP:
        return p->pgid == (m->id != 0 ? m->id : proc_current()->pgid);
    default:
        return p->fs != NULL && p->fs->ruid == (m->id != 0 ? m->id : proc_current()->fs->ruid);
    }
}

static bool
visit(struct proc *p, uint64_t arg)
{
    struct members *m = (struct members *)arg;
    long err;

    if (!belongs(p, m))
        return false;
    err = m->visit(p, m);
    m->err = err != 0 ? err : m->err;
    return true;
}

/* What was found, or 0 where it was set. */
static long
visit_all(struct members *m)
{
    if (m->kind > WHO_USER)
        return -EINVAL;
    if (proc_each(visit, (uint64_t)m) == 0)
        return -ESRCH;
    return m->err != 0 || m->set ? m->err : m->value;
}

static long
visit_nice(struct proc *p, struct members *m)
{
    if (!m->set) {
        m->value = MAX(m->value, NICE_ZERO - p->nice);
        return 0;
    }
    if (!may_change(p))
        return -EPERM;
    if (m->value < p->nice && proc_current()->fs->uid != 0 && (uint64_t)(NICE_ZERO - m->value) > p->rlimit[RLIMIT_NICE_K].cur)
        return -EACCES;
    p->nice = m->value;
    return 0;
}

LX(getpriority)
{
    struct members m = { .kind = (unsigned)args->a[0], .id = (uint32_t)args->a[1], .visit = visit_nice };

    return visit_all(&m);
}

LX(setpriority)
{
    struct members m = { .kind = (unsigned)args->a[0], .id = (uint32_t)args->a[1], .set = true,
                         .value = MAX(MIN((int)args->a[2], NICE_MAX), NICE_MIN), .visit = visit_nice };

    return visit_all(&m);
}

enum { IOPRIO_NONE, IOPRIO_RT, IOPRIO_BE, IOPRIO_IDLE };
#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_LEVELS 8          /* the bits between level and class are hints */

static long
visit_io(struct proc *p, struct members *m)
{
    if (!m->set) {
        m->value = m->value == 0 || (p->traits.io_priority != 0 && p->traits.io_priority < m->value) ? p->traits.io_priority : m->value;
        return 0;
    }
    if (!may_change(p))
        return -EPERM;
    p->traits.io_priority = (uint16_t)m->value;
    return 0;
}

LX(ioprio_get)
{
    struct members m = { .kind = (unsigned)args->a[0] - 1, .id = (uint32_t)args->a[1], .visit = visit_io };

    return visit_all(&m);
}

LX(ioprio_set)
{
    struct members m = { .kind = (unsigned)args->a[0] - 1, .id = (uint32_t)args->a[1], .set = true, .value = (int)args->a[2],
                         .visit = visit_io };
    unsigned class = (uint32_t)args->a[2] >> IOPRIO_CLASS_SHIFT, level = args->a[2] & (IOPRIO_LEVELS - 1);

    if (class > IOPRIO_IDLE || (class == IOPRIO_NONE && level != 0))
        return -EINVAL;
    if (class == IOPRIO_RT && proc_current()->fs->uid != 0)
        return -EPERM;
    return visit_all(&m);
}
