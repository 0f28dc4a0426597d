/* ipc_pipe.c: Linux calls pipe, pipe2, eventfd, eventfd2. */
#include "abi/linux.h"
#include "ipc/ipc.h"

static long
pipe_call(uva_t out, uint32_t flags)
{
    struct file *ends[2];
    int32_t fds[2];
    int err;

    if (flags & ~(IPC_O_CLOEXEC | IPC_O_NONBLOCK | IPC_O_DIRECT))
        return -EINVAL;
    err = pipe_create(ends, flags & IPC_O_NONBLOCK);
    if (err == 0)
        err = ipc_install(ends, fds, 2, (flags & IPC_O_CLOEXEC) != 0);
    if (err != 0)
        return err;
    err = user_copy_out(out, fds, sizeof(fds));
    if (err != 0) {
        (void)fd_close(fds[0]);
        (void)fd_close(fds[1]);
    }
    return err;
}

LX(pipe)
{
    return pipe_call(args->a[0], 0);
}

LX(pipe2)
{
    return pipe_call(args->a[0], (uint32_t)args->a[1]);
}

static long
eventfd_call(uint32_t initial, uint32_t flags)
{
    struct file *f;
    int fd, err;

    if (flags & ~(EVENTFD_SEMAPHORE | IPC_O_CLOEXEC | IPC_O_NONBLOCK))
        return -EINVAL;
    f = eventfd_create(initial, (flags & EVENTFD_SEMAPHORE) != 0, flags & IPC_O_NONBLOCK);
    if (f == NULL)
        return -ENOMEM;
    err = ipc_install(&f, &fd, 1, (flags & IPC_O_CLOEXEC) != 0);
    return err != 0 ? err : fd;
}

LX(eventfd)
{
    return eventfd_call((uint32_t)args->a[0], 0);
}

LX(eventfd2)
{
    return eventfd_call((uint32_t)args->a[0], (uint32_t)args->a[1]);
}
