/* ipc_epoll.c: Linux calls epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2. */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "fs/fdtable.h"
#include "ipc/ipc.h"

#define EPOLL_BATCH 32u             /* events staged on the library stack at a time */
#define EPOLL_EVENTS_MAX (INT32_MAX / (int32_t)sizeof(struct epoll_event))

static long
create_call(uint32_t flags)
{
    struct file *f;
    int fd, err;

    if (flags & ~IPC_O_CLOEXEC)
        return -EINVAL;
    f = epoll_create();
    if (f == NULL)
        return -ENOMEM;
    err = ipc_install(&f, &fd, 1, flags != 0);
    return err != 0 ? err : fd;
}

LX(epoll_create)
{
    return (int32_t)args->a[0] <= 0 ? -EINVAL : create_call(0);
}

LX(epoll_create1)
{
    return create_call((uint32_t)args->a[0]);
}

LX(epoll_ctl)
{
    struct epoll_event ev = { 0, 0 };
    struct file *epf, *f;
    long r = -EBADF;

    if ((int)args->a[1] != EPOLL_CTL_DEL && user_copy_in(&ev, args->a[3], sizeof(ev)) != 0)
        return -EFAULT;
    epf = fd_get((int)args->a[0]);
    f = fd_get((int)args->a[2]);
    if (epf != NULL && f != NULL)
        r = epoll_control(epf, (int)args->a[1], (int)args->a[2], f, &ev);
    if (f != NULL)
        file_put(f);
    if (epf != NULL)
        file_put(epf);
    return r;
}

/* The first batch may sleep, the others only look. What was delivered counts even if a later batch cannot be. */
static long
wait_file(struct file *epf, uva_t out, unsigned max, uint64_t deadline_ns)
{
    struct epoll_event ev[EPOLL_BATCH];
    unsigned done = 0;
    uint32_t left = EPOLL_TURN_BEGINS;

    while (done < max) {
        unsigned room = MIN(max - done, EPOLL_BATCH);
        long n = epoll_collect(epf, ev, room, done == 0 ? deadline_ns : 0, &left);

        if (n <= 0)
            return done > 0 ? (long)done : n;
        if (user_copy_out(out + done * sizeof(ev[0]), ev, (size_t)n * sizeof(ev[0])) != 0)
            return done > 0 ? (long)done : -EFAULT;
        done += (unsigned)n;
        if ((unsigned)n < room || room < EPOLL_BATCH)
            break;
    }
    return (long)done;
}

static long
wait_call(const struct lx_args *args, uint64_t deadline_ns)
{
    int32_t max = (int32_t)args->a[2];
    struct file *epf;
    long r;

    if (max <= 0 || max > EPOLL_EVENTS_MAX)
        return -EINVAL;
    epf = fd_get((int)args->a[0]);
    if (epf == NULL)
        return -EBADF;
    r = file_is_epoll(epf) ? wait_file(epf, args->a[1], (unsigned)max, deadline_ns) : -EINVAL;
    file_put(epf);
    return r;
}

/* What is there already; 0: nothing, or something is wrong. */
static inline long
wait_quick(const struct lx_args *args)
{
    struct file *f = fd_peek(args->a[0]);
    int32_t max = (int32_t)args->a[2];

    return f != NULL && file_is_epoll(f) && max > 0 ? epoll_quick(f, args->a[1], (unsigned)max) : 0;
}

LX(epoll_wait)
{
    long n = wait_quick(args);

    return n > 0 ? n : wait_call(args, deadline_from_ms((int32_t)args->a[3]));
}

static long
pwait_call(const struct lx_args *args, uint64_t deadline_ns)
{
    int err = mask_swap(args->a[4], args->a[5]);

    return err != 0 ? err : mask_restore(args->a[4], wait_call(args, deadline_ns));
}

LX(epoll_pwait)
{
    long n = args->a[4] == 0 ? wait_quick(args) : 0;

    return n > 0 ? n : pwait_call(args, deadline_from_ms((int32_t)args->a[3]));
}

LX(epoll_pwait2)
{
    uint64_t deadline_ns;
    int err = deadline_from_user(args->a[3], 1, &deadline_ns);

    return err != 0 ? err : pwait_call(args, deadline_ns);
}
