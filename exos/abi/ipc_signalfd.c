/* ipc_signalfd.c: Linux calls signalfd and signalfd4. */
#include "abi/linux.h"
#include "base/uio.h"
#include "ipc/ipc.h"
#include "proc/signal.h"

#define SIGSET_BYTES 8

static long
change(int fd, uint64_t set)
{
    struct file *f = fd_get(fd);
    bool done;

    if (f == NULL)
        return -EBADF;
    done = signalfd_change(f, set);
    file_put(f);
    return done ? fd : -EINVAL;
}

static long
signalfd_call(const struct lx_args *args, uint32_t flags)
{
    struct file *f;
    uint64_t set;
    int fd, err;

    if (args->a[2] != SIGSET_BYTES || (flags & ~(IPC_O_CLOEXEC | IPC_O_NONBLOCK)))
        return -EINVAL;
    if (user_copy_in(&set, args->a[1], sizeof(set)) != 0)
        return -EFAULT;
    set &= ~SIG_UNBLOCKABLE;
    if ((int32_t)args->a[0] != -1)
        return change((int32_t)args->a[0], set);
    f = signalfd_create(set, flags & IPC_O_NONBLOCK);
    if (f == NULL)
        return -ENOMEM;
    err = ipc_install(&f, &fd, 1, (flags & IPC_O_CLOEXEC) != 0);
    return err != 0 ? err : fd;
}

LX(signalfd)
{
    return signalfd_call(args, 0);
}

LX(signalfd4)
{
    return signalfd_call(args, (uint32_t)args->a[3]);
}
