/*
 * proc_kill.c: sending signals: kill(2), tgkill(2), rt_sigqueueinfo(2), pidfd_send_signal(2) and their kin.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/file.h"
#include "fs/procfs.h"
#include "proc/pidfd.h"
#include "proc/signal.h"

static struct siginfo_brief
from_self(int code)
{
    return (struct siginfo_brief){ .code = code, .pid = proc_current()->pid, .uid = proc_current()->fs->ruid };
}

/* kill(2): the superuser may, others only their own; SIGCONT also within a session. */
static COLD bool
may_signal_other(const struct proc *p, int sig)
{
    const struct proc *self = proc_current();

    if (self->fs->uid == 0 || p->fs == NULL || self->fs->uid == p->fs->ruid || self->fs->uid == p->fs->suid ||
        self->fs->ruid == p->fs->ruid || self->fs->ruid == p->fs->suid)
        return true;
    return sig == SIGCONT && p->sid == self->sid;
}

static inline bool
may_signal(const struct proc *p, int sig)
{
    return p == proc_current() || may_signal_other(p, sig);
}

static long
signal_thread(struct thread *t, int sig)
{
    struct siginfo_brief info = from_self(SI_TKILL);

    if (t == NULL)
        return -ESRCH;
    return may_signal(t->proc, sig) ? thread_signal_info(t, sig, &info) : -EPERM;
}

static long
signal_process(struct proc *p, int sig, int code)
{
    struct siginfo_brief info = from_self(code);

    if (p == NULL)
        return -ESRCH;
    return may_signal(p, sig) ? proc_signal_info(p, sig, &info) : -EPERM;
}

struct broadcast {
    uint32_t pgid;              /* 0: everybody but pid 1 and the sender */
    int sig;
    bool denied;                /* somebody was not to be sent to */
};

static bool
send_one(struct proc *p, uint64_t arg)
{
    struct broadcast *b = (struct broadcast *)arg;

    if (b->pgid != 0 ? p->pgid != b->pgid : p->pid == 1 || p == proc_current())
        return false;
    if (signal_process(p, b->sig, SI_USER) == 0)
        return true;
    b->denied = true;
    return false;
}

/* -1: everybody; 0: the caller's group; else the group -pid. */
static COLD long
signal_group(int64_t pid, int sig)
{
    struct broadcast b = { .sig = sig };

    if (pid != -1)
        b.pgid = pid == 0 ? proc_current()->pgid : (uint32_t)-pid;
    if (proc_each(send_one, (uint64_t)&b) > 0)
        return 0;
    return b.denied ? -EPERM : -ESRCH;
}

LX(kill)
{
    int64_t pid = (int32_t)args->a[0];
    int sig = (int)args->a[1];

    if (sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    if (pid > 0)
        return signal_process(pid == proc_current()->pid ? proc_current() : proc_find((uint32_t)pid), sig, SI_USER);
    return signal_group(pid, sig);
}

static long
thread_kill(uint64_t tid, int sig)
{
    if ((int32_t)tid <= 0 || sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    return signal_thread(thread_find((uint32_t)tid), sig);
}

LX(tkill)
{
    return thread_kill(args->a[0], (int)args->a[1]);
}

LX(tgkill)
{
    const struct thread *t = thread_find((uint32_t)args->a[1]);

    if ((int32_t)args->a[0] <= 0 || (int32_t)args->a[1] <= 0)
        return -EINVAL;
    if (t == NULL || t->proc->pid != (uint32_t)args->a[0])
        return -ESRCH;
    return thread_kill(args->a[1], (int)args->a[2]);
}

/* ---- with what came along ---- */

/* The caller's siginfo, but it cannot pretend to be the kernel or kill(2): to others. */
static int
info_from(struct siginfo_brief *info, uva_t from, int sig, bool to_self)
{
    if (user_copy_in(info, from, sizeof(*info)) != 0)
        return -EFAULT;
    if (sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    return (info->code >= 0 || info->code == SI_TKILL) && !to_self ? -EPERM : 0;
}

LX(rt_sigqueueinfo)
{
    struct proc *p = proc_find((uint32_t)args->a[0]);
    int sig = (int)args->a[1], err;
    struct siginfo_brief info;

    err = info_from(&info, args->a[2], sig, p == proc_current());
    if (err != 0)
        return err;
    if (p == NULL)
        return -ESRCH;
    return may_signal(p, sig) ? proc_signal_info(p, sig, &info) : -EPERM;
}

LX(rt_tgsigqueueinfo)
{
    struct thread *t = thread_find((uint32_t)args->a[1]);
    int sig = (int)args->a[2], err;
    struct siginfo_brief info;

    if ((int32_t)args->a[0] <= 0 || (int32_t)args->a[1] <= 0)
        return -EINVAL;
    err = info_from(&info, args->a[3], sig, t == thread_self());
    if (err != 0)
        return err;
    if (t == NULL || t->proc->pid != (uint32_t)args->a[0])
        return -ESRCH;
    return may_signal(t->proc, sig) ? thread_signal_info(t, sig, &info) : -EPERM;
}

/* Whom a pidfd, or a process' directory in /proc, stands for. */
static int
process_of(uint64_t fd, struct proc **p)
{
    struct file *f = fd_get((int)fd);
    int err = 0;

    if (f == NULL)
        return -EBADF;
    if (file_is_pidfd(f))
        *p = pidfd_proc(f);
    else if (!procfs_process(f->inode, p))
        err = -EBADF;
    file_put(f);
    return err;
}

LX(pidfd_send_signal)
{
    struct siginfo_brief info = from_self(SI_USER);
    int sig = (int)args->a[1];
    struct proc *p;
    long err = args->a[3] != 0 ? -EINVAL : process_of(args->a[0], &p);

    if (err != 0)
        return err;
    if (args->a[2] != 0)
        err = info_from(&info, args->a[2], sig, p == proc_current());
    if (err != 0)
        return err;
    if (p == NULL)
        return -ESRCH;
    return may_signal(p, sig) ? proc_signal_info(p, sig, &info) : -EPERM;
}
