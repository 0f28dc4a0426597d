/*
 * time_calls.c: clocks, sleeps and interval timers.
 */
#include "base/clock.h"

#include "abi/linux.h"
#include "aegis/info.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/signal.h"
#include "start/upcall.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS 2
#define CLOCK_THREAD 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_TAI 11
#define TIMER_ABSTIME 1

struct timespec_k { int64_t sec, nsec; };
struct timeval_k { int64_t sec, usec; };
struct itimerval_k { struct timeval_k interval, value; };

static uint64_t
cpu_time_ns(void)
{
    return proc_cpu_ns(proc_current()) + thread_running_ns();
}

static bool
clock_read(uint64_t clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        *ns = clock_realtime_ns();
        return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = clock_monotonic_ns();
        return true;
    case CLOCK_PROCESS:
    case CLOCK_THREAD:
        *ns = cpu_time_ns();
        return true;
    default:
        return false;
    }
}

static long
put_timespec(uva_t to, uint64_t ns)
{
    struct timespec_k t = { (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC) };

    return user_copy_out(to, &t, sizeof(t)) == 0 ? 0 : -EFAULT;
}

/* Nanoseconds, cut at what fits: 292 years are for ever. */
static int
get_timespec(uva_t from, uint64_t *ns)
{
    struct timespec_k t;

    if (user_copy_in(&t, from, sizeof(t)) != 0)
        return -EFAULT;
    if (t.sec < 0 || t.nsec < 0 || t.nsec >= (int64_t)NSEC_PER_SEC)
        return -EINVAL;
    *ns = t.sec > INT64_MAX / (int64_t)NSEC_PER_SEC - 1 ? INT64_MAX : (uint64_t)t.sec * NSEC_PER_SEC + (uint64_t)t.nsec;
    return 0;
}

LX(clock_gettime)
{
    uint64_t ns;

    return clock_read(args->a[0], &ns) ? put_timespec(args->a[1], ns) : -EINVAL;
}

LX(clock_getres)
{
    uint64_t ns;

    if (!clock_read(args->a[0], &ns))
        return -EINVAL;
    return args->a[1] != 0 ? put_timespec(args->a[1], 1) : 0;
}

LX(clock_settime)
{
    uint64_t ns;
    int err;

    if (args->a[0] != CLOCK_REALTIME)
        return -EINVAL;
    err = get_timespec(args->a[1], &ns);
    if (err == 0)
        clock_set_realtime(ns);
    return err;
}

LX(gettimeofday)
{
    uint64_t ns = clock_realtime_ns(), zone = 0;
    struct timeval_k t = { (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000) };

    if (args->a[0] != 0 && user_copy_out(args->a[0], &t, sizeof(t)) != 0)
        return -EFAULT;
    return args->a[1] != 0 && user_copy_out(args->a[1], &zone, sizeof(zone)) != 0 ? -EFAULT : 0;
}

LX(settimeofday)
{
    struct timeval_k t;

    if (args->a[0] == 0)
        return 0;
    if (user_copy_in(&t, args->a[0], sizeof(t)) != 0)
        return -EFAULT;
    if (t.sec < 0 || t.usec < 0 || t.usec >= 1000000)
        return -EINVAL;
    clock_set_realtime((uint64_t)t.sec * NSEC_PER_SEC + (uint64_t)t.usec * 1000);
    return 0;
}

LX(time)
{
    int64_t now = (int64_t)(clock_realtime_ns() / NSEC_PER_SEC);

    return args->a[0] != 0 && user_copy_out(args->a[0], &now, sizeof(now)) != 0 ? -EFAULT : now;
}

/* ---- sleeping ---- */

static int
sleep_until(uint64_t deadline_ns)
{
    int err;

    do
        err = wait_sleep(&waitq_nobody, NULL, deadline_ns, WAIT_INTR);
    while (err == 0);
    return err == -ETIMEDOUT ? 0 : err;
}

static long
sleep_for(uint64_t ns, uva_t rest)
{
    uint64_t now = clock_monotonic_ns(), end = ns > UINT64_MAX - 1 - now ? UINT64_MAX - 1 : now + ns;
    int err;

    end = call_deadline(end);
    err = sleep_until(end);

    now = clock_monotonic_ns();
    if (err != 0 && rest != 0 && put_timespec(rest, end > now ? end - now : 0) != 0)
        return -EFAULT;
    return err;
}

LX(nanosleep)
{
    uint64_t ns;
    int err = get_timespec(args->a[0], &ns);

    return err != 0 ? err : sleep_for(ns, args->a[1]);
}

LX(clock_nanosleep)
{
    uint64_t ns, now;
    int err;

    if (!clock_read(args->a[0], &now) || args->a[0] == CLOCK_THREAD)
        return -EINVAL;
    err = get_timespec(args->a[2], &ns);
    if (err != 0)
        return err;
    if (!(args->a[1] & TIMER_ABSTIME))
        return sleep_for(ns, args->a[3]);
    return ns <= now ? 0 : sleep_for(ns - now, 0);
}

/* ---- ITIMER_REAL ---- */

static void
alarm_rings(struct timer *t)
{
    struct proc *p = container_of(t, struct proc, alarm);

    if (p->alarm_interval_ns != 0)
        timer_start(t, clock_monotonic_ns() + p->alarm_interval_ns, alarm_rings);
    (void)proc_signal(p, SIGALRM);
}

static uint64_t
alarm_left(const struct proc *p)
{
    uint64_t now = clock_monotonic_ns();

    return !p->alarm.armed ? 0 : p->alarm.deadline_ns > now ? p->alarm.deadline_ns - now : 1;
}

static void
alarm_set(struct proc *p, uint64_t first_ns, uint64_t interval_ns)
{
    p->alarm_interval_ns = interval_ns;
    if (first_ns == 0)
        timer_stop(&p->alarm);
    else
        timer_start(&p->alarm, clock_monotonic_ns() + first_ns, alarm_rings);
}

LX(alarm)
{
    struct proc *p = proc_current();
    uint64_t left = (alarm_left(p) + NSEC_PER_SEC - 1) / NSEC_PER_SEC;

    alarm_set(p, (uint64_t)(uint32_t)args->a[0] * NSEC_PER_SEC, 0);
    return (long)left;
}

static long
put_itimer(uva_t to)
{
    const struct proc *p = proc_current();
    uint64_t left = alarm_left(p), every = p->alarm_interval_ns;
    struct itimerval_k t = {
        { (int64_t)(every / NSEC_PER_SEC), (int64_t)(every % NSEC_PER_SEC / 1000) },
        { (int64_t)(left / NSEC_PER_SEC), (int64_t)(left % NSEC_PER_SEC / 1000) },
    };

    return user_copy_out(to, &t, sizeof(t)) == 0 ? 0 : -EFAULT;
}

LX(getitimer)
{
    return args->a[0] != 0 ? -EINVAL : put_itimer(args->a[1]);
}

static bool
timeval_ok(const struct timeval_k *t)
{
    return t->sec >= 0 && t->sec < INT64_MAX / (int64_t)NSEC_PER_SEC - 1 && t->usec >= 0 && t->usec < 1000000;
}

LX(setitimer)
{
    struct itimerval_k t = { { 0, 0 }, { 0, 0 } };

    if (args->a[0] != 0)
        return -EINVAL;
    if (args->a[1] != 0 && user_copy_in(&t, args->a[1], sizeof(t)) != 0)
        return -EFAULT;
    if (!timeval_ok(&t.interval) || !timeval_ok(&t.value))
        return -EINVAL;
    if (args->a[2] != 0 && put_itimer(args->a[2]) != 0)
        return -EFAULT;
    alarm_set(proc_current(), (uint64_t)t.value.sec * NSEC_PER_SEC + (uint64_t)t.value.usec * 1000,
              (uint64_t)t.interval.sec * NSEC_PER_SEC + (uint64_t)t.interval.usec * 1000);
    return 0;
}
