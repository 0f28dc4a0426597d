/*
 * pidfd.c: processes as files: they can be read from, as poll(2) sees it, once the process has ended.
 *
 * Holds:    the pid and the number that no other process ever has. Pollers of all of them sleep in one queue: ends are rare.
 */
#include "proc/pidfd.h"

#include "base/mem.h"
#include "base/uio.h"
#include "fs/file.h"
#include "ipc/ipc.h"
#include "proc/proc.h"

struct pidfd {
    uint32_t pid;
    uint64_t serial;
};

static struct waitq ends = { { &ends.waiters, &ends.waiters } };

static unsigned
pidfd_poll(struct file *f)
{
    const struct proc *p = pidfd_proc(f);

    return p == NULL || p->state == PROC_ZOMBIE ? READY_IN | READY_RDNORM | (p == NULL ? READY_HUP : 0) : 0;
}

static struct waitq *
pidfd_poll_queue(struct file *f)
{
    (void)f;
    return &ends;
}

static void
pidfd_release(struct file *f)
{
    heap_free(f->priv);
}

static const struct file_ops pidfd_ops = {
    .name = "[pidfd]",
    .poll = pidfd_poll,
    .poll_queue = pidfd_poll_queue,
    .release = pidfd_release,
};

struct file *
pidfd_create(const struct proc *p, uint32_t flags)
{
    struct pidfd *d = heap_alloc(sizeof(*d));
    struct file *f;

    if (d == NULL)
        return NULL;
    *d = (struct pidfd){ p->pid, p->serial };
    f = file_create(&pidfd_ops, flags | IPC_O_RDWR, d);
    if (f == NULL)
        heap_free(d);
    return f;
}

bool
file_is_pidfd(const struct file *f)
{
    return f->ops == &pidfd_ops;
}

struct proc *
pidfd_proc(const struct file *f)
{
    const struct pidfd *d = f->priv;
    struct proc *p = proc_find(d->pid);

    return p != NULL && p->serial == d->serial && !p->reaped ? p : NULL;
}

int
pidfd_give(const struct proc *p, uva_t to)
{
    struct file *f = pidfd_create(p, 0);
    int fd, err;

    if (f == NULL)
        return -ENOMEM;
    err = ipc_install(&f, &fd, 1, true);
    if (err != 0)
        return err;
    if (user_copy_out(to, &fd, sizeof(fd)) == 0)
        return 0;
    (void)fd_close(fd);
    return -EFAULT;
}

void
pidfd_ended(void)
{
    if (!list_empty(&ends.waiters))
        wake_all(&ends);
}
