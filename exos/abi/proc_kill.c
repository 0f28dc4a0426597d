/*
 * proc_kill.c: sending signals: kill(2), tgkill(2), rt_sigqueueinfo(2), pidfd_send_signal(2) and their kin.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/file.h"
#include "fs/procfs.h"
#include "proc/internal.h"
#include "proc/pidfd.h"
#include "proc/signal.h"
#include "start/upcall.h"

static inline struct siginfo_brief
from_self(int sig, int code)
{
    const struct proc *self = thread_self()->proc;

    return siginfo_of(sig, code, (uint64_t)self->fs->ruid << 32 | self->pid);
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

/* ---- to the thread itself ---- */

/* A signal whose handler is to be entered at once is not queued: the way out of the call finds it. False: it goes the long way. */
static inline bool
to_self(struct thread *t, int sig, int code)
{
    const struct proc *p = t->proc;

    if ((unsigned)sig - 1 >= SIG_MAX || !signal_open(t, sig, SIG_NOT_PLAIN) || sigqueue_total >= p->rlimit[RLIMIT_SIGPENDING_K].cur)
        return false;
    t->sig.own = sig;
    t->sig.own_code = code;
    t->attention = ATTENTION_OWN;
    return true;
}

/* The frame's memory has to be fetched first, or something has come in between. */
static COLD bool
queued_after_all(struct thread *t, struct regs *r, const struct lx_args *args, const struct siginfo_brief *info)
{
    r->rax = (uint64_t)thread_signal_info(t, info->signo, info);
    return signals_take(r, args);
}

bool
own_signal_now(struct regs *r, const struct lx_args *args)
{
    struct thread *t = thread_self();
    struct siginfo_brief info = from_self(t->sig.own, t->sig.own_code);
    bool alone = t->attention == ATTENTION_OWN;

    t->sig.own = 0;
    t->attention = 0;
    return (alone && signal_enter(r, t, &info)) || queued_after_all(t, r, args, &info);
}

/* ---- to others ---- */

static long
signal_thread(struct thread *t, int sig)
{
    struct siginfo_brief info = from_self(sig, SI_TKILL);

    if (t == NULL)
        return -ESRCH;
    return may_signal(t->proc, sig) ? thread_signal_info(t, sig, &info) : -EPERM;
}

static long
signal_process(struct proc *p, int sig, int code)
{
    struct siginfo_brief info = from_self(sig, code);

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
    struct thread *t = thread_self();

    if (sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    if (pid == t->pid && t->proc->thread_count == 1 && to_self(t, sig, SI_USER))
        return 0;
    if (pid > 0)
        return signal_process(pid == t->pid ? t->proc : proc_find((uint32_t)pid), sig, SI_USER);
    return signal_group(pid, sig);
}

static long
thread_kill(uint32_t tid, int sig)
{
    if ((int32_t)tid <= 0 || sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    return signal_thread(thread_find(tid), sig);
}

LX(tkill)
{
    uint32_t tid = (uint32_t)args->a[0];
    int sig = (int)args->a[1];

    return tid == thread_self()->tid && to_self(thread_self(), sig, SI_TKILL) ? 0 : thread_kill(tid, sig);
}

static NOINLINE long
thread_kill_of(uint32_t pid, uint32_t tid, int sig)
{
    const struct thread *t = thread_find(tid);

    if ((int32_t)pid <= 0 || (int32_t)tid <= 0)
        return -EINVAL;
    if (t == NULL || t->proc->pid != pid)
        return -ESRCH;
    return thread_kill(tid, sig);
}

LX(tgkill)
{
    uint32_t pid = (uint32_t)args->a[0], tid = (uint32_t)args->a[1];
    struct thread *t = thread_self();

    if (tid == t->tid && pid == t->pid && to_self(t, (int)args->a[2], SI_TKILL))
        return 0;
    return thread_kill_of(pid, tid, (int)args->a[2]);
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
    struct siginfo_brief info = from_self((int)args->a[1], SI_USER);
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
