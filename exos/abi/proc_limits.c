/*
 * proc_limits.c: getrlimit(2), setrlimit(2), prlimit(2): limits are kept by the process, and told to whoever holds to them.
 *
 * Held to:  RLIMIT_NOFILE (fs/fdtable.c), FSIZE (fs/regular.c), AS and DATA (vm/map.c), STACK (vm/fault.c), MEMLOCK (vm/lock.c), NPROC (proc/fork.c), CPU (start/upcall.c).
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/fdtable.h"
#include "proc/internal.h"
#include "vm/vm.h"

static int
may_set(const struct proc *p, uint64_t which, const struct rlimit_k *new)
{
    if (new->cur > new->max)
        return -EINVAL;
    if (which == RLIMIT_NOFILE_K && new->max > FD_MAX)
        return -EPERM;
    return new->max > p->rlimit[which].max && proc_current()->fs->uid != 0 ? -EPERM : 0;
}

static void
tell(struct proc *p, uint64_t which, uint64_t limit)
{
    if (which == RLIMIT_NOFILE_K && p->fs != NULL)
        p->fs->fds->limit = (uint32_t)MIN(limit, (uint64_t)FD_MAX);
    if (which == RLIMIT_FSIZE_K && p->fs != NULL)
        p->fs->file_size_max = limit;
    if (which == RLIMIT_DATA_K && p->mm != NULL)
        p->mm->data_limit = limit;
    if (which == RLIMIT_AS_K && p->mm != NULL)
        p->mm->space_limit = limit;
    if (which == RLIMIT_STACK_K && p->mm != NULL)
        p->mm->stack_bytes = limit;
    if (which == RLIMIT_MEMLOCK_K && p->mm != NULL)
        p->mm->lock_limit = limit;
}

static long
limit_exchange(struct proc *p, uint64_t which, uva_t set, uva_t get)
{
    struct rlimit_k old, new;
    int err;

    if (which >= RLIMITS)
        return -EINVAL;
    old = p->rlimit[which];
    if (set != 0) {
        if (user_copy_in(&new, set, sizeof(new)) != 0)
            return -EFAULT;
        err = may_set(p, which, &new);
        if (err != 0)
            return err;
        p->rlimit[which] = new;
        tell(p, which, new.cur);
    }
    return get != 0 && user_copy_out(get, &old, sizeof(old)) != 0 ? -EFAULT : 0;
}

LX(getrlimit)
{
    return limit_exchange(proc_current(), args->a[0], 0, args->a[1]);
}

LX(setrlimit)
{
    return limit_exchange(proc_current(), args->a[0], args->a[1], 0);
}

LX(prlimit64)
{
    struct proc *self = proc_current(), *p = (uint32_t)args->a[0] == 0 ? self : proc_find((uint32_t)args->a[0]);

    if (p == NULL)
        return -ESRCH;
    if (p != self && self->fs->uid != 0 && (p->fs == NULL || p->fs->ruid != self->fs->ruid))
        return -EPERM;
    return limit_exchange(p, args->a[1], args->a[2], args->a[3]);
}
