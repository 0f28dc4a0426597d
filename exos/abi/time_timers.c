/*
 * time_timers.c: alarm(2), setitimer(2), getitimer(2), and timer_create(2) with its kin.
 */
#include "abi/linux.h"
#include "abi/time_user.h"
#include "base/uio.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "proc/timers.h"

#define ITIMER_REAL 0
#define SIGEV_SIGNAL 0
#define SIGEV_NONE 1
#define SIGEV_THREAD 2
#define SIGEV_THREAD_ID 4

struct timeval_k { int64_t sec, usec; };
struct itimerval_k { struct timeval_k interval, value; };
struct itimerspec_k { struct timespec_k interval, value; };
struct sigevent_k {
    uint64_t value;
    int32_t signo, notify, tid;
    int32_t rest[11];
};
_Static_assert(sizeof(struct sigevent_k) == 64, "Linux uapi/asm-generic/siginfo.h");

/* ---- interval timers ---- */

static void
itimer_set(struct clock_timer *t, uint64_t first_ns, uint64_t interval_ns)
{
    clock_timer_set(t, first_ns == 0 ? 0 : clock_now(&t->clock) + first_ns, interval_ns);
}

LX(alarm)
{
    struct clock_timer *t = &proc_current()->itimer[ITIMER_REAL];
    uint64_t left = clock_timer_left(t), seconds = (left + NSEC_PER_SEC / 2) / NSEC_PER_SEC;

    itimer_set(t, (uint64_t)(uint32_t)args->a[0] * NSEC_PER_SEC, 0);
    return (long)(left != 0 ? MAX(seconds, 1ul) : 0);
}

static long
put_itimer(uva_t to, const struct clock_timer *timer)
{
    uint64_t left = clock_timer_left(timer), every = timer->interval_ns;
    struct itimerval_k t = {
        { (int64_t)(every / NSEC_PER_SEC), (int64_t)(every % NSEC_PER_SEC / 1000) },
        { (int64_t)(left / NSEC_PER_SEC), (int64_t)(left % NSEC_PER_SEC / 1000) },
    };

    return user_copy_out(to, &t, sizeof(t)) == 0 ? 0 : -EFAULT;
}

LX(getitimer)
{
    return args->a[0] >= ITIMERS ? -EINVAL : put_itimer(args->a[1], &proc_current()->itimer[args->a[0]]);
}

static bool
timeval_ok(const struct timeval_k *t)
{
    return t->sec >= 0 && t->usec >= 0 && t->usec < 1000000;
}

static uint64_t
timeval_ns(const struct timeval_k *t)
{
    return (uint64_t)MIN(t->sec, INT64_MAX / (int64_t)NSEC_PER_SEC / 4) * NSEC_PER_SEC + (uint64_t)t->usec * 1000;
}

LX(setitimer)
{
    struct itimerval_k t = { { 0, 0 }, { 0, 0 } };
    struct clock_timer *timer;

    if (args->a[0] >= ITIMERS)
        return -EINVAL;
    if (args->a[1] != 0 && user_copy_in(&t, args->a[1], sizeof(t)) != 0)
        return -EFAULT;
    if (!timeval_ok(&t.interval) || !timeval_ok(&t.value))
        return -EINVAL;
    timer = &proc_current()->itimer[args->a[0]];
    if (args->a[2] != 0 && put_itimer(args->a[2], timer) != 0)
        return -EFAULT;
    itimer_set(timer, timeval_ns(&t.value), timeval_ns(&t.interval));
    return 0;
}

/* ---- timer_create ---- */

/* How its expiry is told. */
static int
event_check(const struct sigevent_k *e)
{
    const struct thread *t;

    if (e->notify == SIGEV_NONE)
        return 0;
    if (e->signo < 1 || e->signo > SIG_MAX)
        return -EINVAL;
    if (e->notify != SIGEV_THREAD_ID)
        return e->notify == SIGEV_SIGNAL || e->notify == SIGEV_THREAD ? 0 : -EINVAL;
    t = e->tid > 0 ? thread_find((uint32_t)e->tid) : NULL;
    return t != NULL && t->proc == proc_current() ? 0 : -EINVAL;
}

LX(timer_create)
{
    struct sigevent_k e = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
    struct clock_ref clock;
    struct ptimer *t;
    int32_t id;
    int err = clock_find((int32_t)args->a[0], &clock);

    if (err == 0 && args->a[1] != 0 && user_copy_in(&e, args->a[1], sizeof(e)) != 0)
        err = -EFAULT;
    if (err == 0 && (err = event_check(&e)) == 0 && !clock_settable((int32_t)args->a[0]))
        err = -EOPNOTSUPP;
    if (err != 0)
        return err;
    t = ptimer_add(proc_current());
    if (t == NULL)
        return -EAGAIN;
    t->t.clock = clock;
    t->notify = e.notify;
    t->signo = e.signo;
    t->tid = e.notify == SIGEV_THREAD_ID ? (uint32_t)e.tid : 0;
    t->value = args->a[1] != 0 ? e.value : (uint64_t)t->id;
    id = t->id;
    if (user_copy_out(args->a[2], &id, sizeof(id)) == 0)
        return 0;
    t = ptimer_find(proc_current(), id);
    if (t != NULL)
        ptimer_remove(t);
    return -EFAULT;
}

static long
put_ptimer(uva_t to, const struct ptimer *t)
{
    uint64_t left = clock_timer_left(&t->t), every = t->t.interval_ns;
    struct itimerspec_k s = {
        { (int64_t)(every / NSEC_PER_SEC), (int64_t)(every % NSEC_PER_SEC) }, { (int64_t)(left / NSEC_PER_SEC), (int64_t)(left % NSEC_PER_SEC) },
    };

    return user_copy_out(to, &s, sizeof(s)) == 0 ? 0 : -EFAULT;
}

LX(timer_settime)
{
    uint64_t first, every;
    struct ptimer *t;
    int err = args->a[2] == 0 ? -EINVAL : get_timespec(args->a[2], &every);

    if (err == 0)
        err = get_timespec(args->a[2] + sizeof(struct timespec_k), &first);
    if (err != 0)
        return err;
    t = ptimer_find(proc_current(), (int32_t)args->a[0]);
    if (t == NULL)
        return -EINVAL;
    if (args->a[3] != 0 && put_ptimer(args->a[3], t) != 0)
        return -EFAULT;
    t = ptimer_find(proc_current(), (int32_t)args->a[0]);       /* that may have slept */
    if (t == NULL)
        return -EINVAL;
    if (first != 0 && !(args->a[1] & TIMER_ABSTIME))
        first += clock_now(&t->t.clock);
    t->overrun = 0;
    t->last_overrun = 0;
    clock_timer_set(&t->t, first, first != 0 ? every : 0);
    return 0;
}

LX(timer_gettime)
{
    const struct ptimer *t = ptimer_find(proc_current(), (int32_t)args->a[0]);

    return t == NULL ? -EINVAL : put_ptimer(args->a[1], t);
}

LX(timer_getoverrun)
{
    const struct ptimer *t = ptimer_find(proc_current(), (int32_t)args->a[0]);

    return t == NULL ? -EINVAL : t->last_overrun;
}

LX(timer_delete)
{
    struct ptimer *t = ptimer_find(proc_current(), (int32_t)args->a[0]);

    if (t == NULL)
        return -EINVAL;
    ptimer_remove(t);
    return 0;
}
