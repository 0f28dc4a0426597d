/* ipc_timerfd.c: Linux calls timerfd_create, timerfd_settime, timerfd_gettime. */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "ipc/ipc.h"

#define CLOCK_REALTIME_       0
#define CLOCK_MONOTONIC_      1
#define CLOCK_BOOTTIME_       7
#define TFD_TIMER_ABSTIME_    1u
#define TFD_TIMER_CANCEL_     2u        /* that the clock is set is not told */

struct lx_itimerspec {
    struct lx_time interval, value;
};

LX(timerfd_create)
{
    uint64_t clock = args->a[0];
    uint32_t flags = (uint32_t)args->a[1];
    struct file *f;
    int fd, err;

    if ((clock != CLOCK_REALTIME_ && clock != CLOCK_MONOTONIC_ && clock != CLOCK_BOOTTIME_) || (flags & ~(IPC_O_CLOEXEC | IPC_O_NONBLOCK)))
        return -EINVAL;
    f = timerfd_create(clock == CLOCK_REALTIME_, flags & IPC_O_NONBLOCK);
    if (f == NULL)
        return -ENOMEM;
    err = ipc_install(&f, &fd, 1, (flags & IPC_O_CLOEXEC) != 0);
    return err != 0 ? err : fd;
}

static int
timerfd_of(uint64_t fd, struct file **out)
{
    struct file *f = fd_get((int)fd);

    if (f == NULL)
        return -EBADF;
    *out = f;
    if (file_is_timerfd(f))
        return 0;
    file_put(f);
    return -EINVAL;
}

/* Cut at 292 years, which is for ever. */
static uint64_t
nanoseconds(const struct lx_time *t)
{
    uint64_t sec = (uint64_t)MIN(t->sec, INT64_MAX / (int64_t)NSEC_PER_SEC - 1);

    return sec * NSEC_PER_SEC + (uint64_t)t->sub;
}

static bool
time_ok(const struct lx_time *t)
{
    return t->sec >= 0 && t->sub >= 0 && t->sub < (int64_t)NSEC_PER_SEC;
}

static int
put_time(struct file *f, uva_t to)
{
    struct lx_itimerspec s;
    uint64_t left, every;

    timerfd_get(f, &left, &every);
    s.interval = (struct lx_time){ (int64_t)(every / NSEC_PER_SEC), (int64_t)(every % NSEC_PER_SEC) };
    s.value = (struct lx_time){ (int64_t)(left / NSEC_PER_SEC), (int64_t)(left % NSEC_PER_SEC) };
    return user_copy_out(to, &s, sizeof(s));
}

LX(timerfd_settime)
{
    uint32_t flags = (uint32_t)args->a[1];
    struct lx_itimerspec s;
    struct file *f;
    int err;

    if (flags & ~(TFD_TIMER_ABSTIME_ | TFD_TIMER_CANCEL_))
        return -EINVAL;
    if (user_copy_in(&s, args->a[2], sizeof(s)) != 0)
        return -EFAULT;
    if (!time_ok(&s.interval) || !time_ok(&s.value))
        return -EINVAL;
    err = timerfd_of(args->a[0], &f);
    if (err != 0)
        return err;
    if (args->a[3] != 0)
        err = put_time(f, args->a[3]);
    if (err == 0)
        timerfd_set(f, (flags & TFD_TIMER_ABSTIME_) != 0, nanoseconds(&s.value), nanoseconds(&s.interval));
    file_put(f);
    return err;
}

LX(timerfd_gettime)
{
    struct file *f;
    int err = timerfd_of(args->a[0], &f);

    if (err != 0)
        return err;
    err = put_time(f, args->a[1]);
    file_put(f);
    return err;
}
