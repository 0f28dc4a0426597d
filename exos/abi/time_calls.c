/*
 * time_calls.c: clocks and sleeps.
 */
#include "base/clock.h"

#include "abi/linux.h"
#include "abi/time_user.h"
#include "aegis/info.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "fs/file.h"
#include "proc/signal.h"
#include "proc/timers.h"
#include "start/upcall.h"

struct timeval_k { int64_t sec, usec; };

static bool
clock_read(int32_t id, uint64_t *ns)
{
    struct clock_ref c;

    if (clock_find(id, &c) != 0)
        return false;
    *ns = clock_now(&c);
    return true;
}

bool
clock_settable(int32_t id)
{
    return id != CLOCK_MONOTONIC_RAW && id != CLOCK_REALTIME_COARSE && id != CLOCK_MONOTONIC_COARSE;
}

static long
put_timespec(uva_t to, uint64_t ns)
{
    struct timespec_k t = { (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC) };

    return user_copy_out(to, &t, sizeof(t)) == 0 ? 0 : -EFAULT;
}

int
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

    return clock_read((int32_t)args->a[0], &ns) ? put_timespec(args->a[1], ns) : -EINVAL;
}

LX(clock_getres)
{
    uint64_t ns;

    if (!clock_read((int32_t)args->a[0], &ns))
        return -EINVAL;
    return args->a[1] != 0 ? put_timespec(args->a[1], 1) : 0;
}

/* The day's clock is everybody's. */
static long
set_clock(uint64_t ns)
{
    if (proc_current()->fs->uid != 0)
        return -EPERM;
    clock_set_realtime(ns);
    return 0;
}

LX(clock_settime)
{
    uint64_t ns;
    int err;

    if (args->a[0] != CLOCK_REALTIME)
        return -EINVAL;
    err = get_timespec(args->a[1], &ns);
    return err != 0 ? err : set_clock(ns);
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
    return set_clock((uint64_t)t.sec * NSEC_PER_SEC + (uint64_t)t.usec * 1000);
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

/* Until that clock shows it: one of CPU time may stand still meanwhile, one of the day may be set. */
static int
sleep_until_on(const struct clock_ref *c, uint64_t due_ns)
{
    int err = 0;

    while (err == 0 && clock_now(c) < due_ns)
        err = sleep_until(clock_earliest(c, due_ns));
    return err;
}

LX(clock_nanosleep)
{
    struct clock_ref c;
    uint64_t ns;
    int err = clock_find((int32_t)args->a[0], &c);

    if (err != 0)
        return err;
    if (!clock_settable((int32_t)args->a[0]) || (int32_t)args->a[0] == CLOCK_THREAD)
        return -EOPNOTSUPP;
    err = get_timespec(args->a[2], &ns);
    if (err != 0)
        return err;
    if (args->a[1] & TIMER_ABSTIME)
        return sleep_until_on(&c, ns);
    return c.id == CLOCK_PROCESS || c.id == CLOCK_THREAD ? sleep_until_on(&c, clock_now(&c) + ns) : sleep_for(ns, args->a[3]);
}
