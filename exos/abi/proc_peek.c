/* proc_peek.c: what one process finds out of another: pidfd_getfd(2), kcmp(2). */
#include "abi/linux.h"
#include "fs/fdtable.h"
#include "ipc/ipc.h"
#include "proc/pidfd.h"
#include "proc/proc.h"

/* As ptrace(2) has it: the superuser, or all of its ids are the caller's. */
static bool
may_look(const struct proc *p)
{
    const struct fs_context *own = proc_current()->fs, *fs = p->fs;

    if (p == proc_current() || own->uid == 0)
        return true;
    return fs != NULL && fs->uid == own->ruid && fs->ruid == own->ruid && fs->suid == own->ruid && fs->gid == own->rgid &&
           fs->rgid == own->rgid && fs->sgid == own->rgid && p->dumpable == 1;
}

LX(pidfd_getfd)
{
    const struct proc *p;
    struct file *f;
    int fd, err;

    if (args->a[2] != 0)
        return -EINVAL;
    f = fd_get((int)args->a[0]);
    if (f == NULL || !file_is_pidfd(f)) {
        if (f != NULL)
            file_put(f);
        return -EBADF;
    }
    p = pidfd_proc(f);
    file_put(f);
    if (p == NULL || p->fs == NULL)
        return -ESRCH;
    if (!may_look(p))
        return -EPERM;
    f = fd_get_of(p->fs, (int)args->a[1]);
    if (f == NULL)
        return -EBADF;
    err = ipc_install(&f, &fd, 1, true);
    return err != 0 ? err : fd;
}

/* Linux include/uapi/linux/kcmp.h */
enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM };

/* 0: the same; 1, 2: an order that holds as long as both are there. */
static long
order(const void *a, const void *b)
{
    return (uintptr_t)a < (uintptr_t)b ? 1 : (uintptr_t)a > (uintptr_t)b ? 2 : 0;
}

static long
compare_files(const struct proc *a, uint64_t fd_a, const struct proc *b, uint64_t fd_b)
{
    struct file *f = fd_get_of(a->fs, (int)fd_a), *g = fd_get_of(b->fs, (int)fd_b);
    long r = f != NULL && g != NULL ? order(f, g) : -EBADF;

    if (f != NULL)
        file_put(f);
    if (g != NULL)
        file_put(g);
    return r;
}

LX(kcmp)
{
    const struct proc *a = proc_find((uint32_t)args->a[0]), *b = proc_find((uint32_t)args->a[1]);

    if (a == NULL || b == NULL || a->fs == NULL || b->fs == NULL)
        return -ESRCH;
    if (!may_look(a) || !may_look(b))
        return -EPERM;
    switch (args->a[2]) {
    case KCMP_FILE:
        return compare_files(a, args->a[3], b, args->a[4]);
    case KCMP_VM:
        return order(a->mm, b->mm);
    case KCMP_FILES:
        return order(a->fs->fds, b->fs->fds);
    case KCMP_FS:
        return order(a->fs, b->fs);
    case KCMP_SIGHAND:
        return order(a->actions, b->actions);
    case KCMP_IO:
    case KCMP_SYSVSEM:
        return order(a, b);
    default:
        return -EINVAL;
    }
}
