/*
 * proc_signals.c: signal calls: rt_sigaction(2), rt_sigprocmask(2), kill(2) and their kin.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/file.h"
#include "proc/signal.h"
#include "start/entry.h"

#define SIGSET_BYTES 8
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

struct stack_k {
    uint64_t sp;
    uint32_t flags, pad;
    uint64_t size;
};

LX(rt_sigaction)
{
    struct proc *p = proc_current();
    uint64_t sig = args->a[0];
    struct sigaction_k old, sa;

    if (sig < 1 || sig > SIG_MAX || args->a[3] != SIGSET_BYTES)
        return -EINVAL;
    old = p->actions[sig - 1];
    if (args->a[1] != 0) {
        if (user_copy_in(&sa, args->a[1], sizeof(sa)) != 0)
            return -EFAULT;
        if (SIG_BIT(sig) & SIG_UNBLOCKABLE)
            return -EINVAL;
        sa.mask &= ~SIG_UNBLOCKABLE;
        p->actions[sig - 1] = sa;
        p->sig_ignored = sa.handler == SIG_IGN ? p->sig_ignored | SIG_BIT(sig) : p->sig_ignored & ~SIG_BIT(sig);
        if (signal_ignored(p, (int)sig))
            signal_forget(p, (int)sig);
    }
    return args->a[2] != 0 && user_copy_out(args->a[2], &old, sizeof(old)) != 0 ? -EFAULT : 0;
}

LX(rt_sigprocmask)
{
    struct thread_signals *s = signals_current();
    uint64_t old = s->blocked, set;

    if (args->a[3] != SIGSET_BYTES)
        return -EINVAL;
    if (args->a[1] != 0) {
        if (user_copy_in(&set, args->a[1], sizeof(set)) != 0)
            return -EFAULT;
        switch ((int)args->a[0]) {
        case SIG_BLOCK: set |= old; break;
        case SIG_UNBLOCK: set = old & ~set; break;
        case SIG_SETMASK: break;
        default: return -EINVAL;
        }
        s->blocked = set & ~SIG_UNBLOCKABLE;
        proc_attend(proc_current());
    }
    return args->a[2] != 0 && user_copy_out(args->a[2], &old, sizeof(old)) != 0 ? -EFAULT : 0;
}

LX(rt_sigpending)
{
    const struct thread_signals *s = signals_current();
    uint64_t set = (s->pending.set | proc_current()->sig_pending.set) & s->blocked;

    if (args->a[1] > SIGSET_BYTES)
        return -EINVAL;
    return user_copy_out(args->a[0], &set, args->a[1]) == 0 ? 0 : -EFAULT;
}

/* The signal that ends the wait is taken under the temporary mask; the old one comes back after that. */
LX(rt_sigsuspend)
{
    struct thread_signals *s = signals_current();
    uint64_t set;
    int err;

    if (args->a[1] != SIGSET_BYTES)
        return -EINVAL;
    if (user_copy_in(&set, args->a[0], sizeof(set)) != 0)
        return -EFAULT;
    if (!s->restore_mask)               /* else the call goes on after a stop */
        s->saved_mask = s->blocked;
    s->restore_mask = true;
    s->blocked = set & ~SIG_UNBLOCKABLE;
    thread_self()->attention = 1;
    do
        err = wait_sleep(&waitq_nobody, NULL, DEADLINE_NEVER, WAIT_INTR);
    while (err == 0);
    thread_self()->attention = 1;
    return -EINTR;
}

LX(pause)
{
    (void)args;
    while (wait_sleep(&waitq_nobody, NULL, DEADLINE_NEVER, WAIT_INTR) == 0)
        ;
    return -EINTR;
}

/* How long sigtimedwait waits. */
static int
wait_deadline(uva_t from, uint64_t *deadline)
{
    int64_t t[2];

    *deadline = DEADLINE_NEVER;
    if (from == 0)
        return 0;
    if (user_copy_in(t, from, sizeof(t)) != 0)
        return -EFAULT;
    if (t[0] < 0 || t[1] < 0 || t[1] >= (int64_t)NSEC_PER_SEC)
        return -EINVAL;
    if (t[0] <= INT32_MAX)
        *deadline = clock_monotonic_ns() + (uint64_t)t[0] * NSEC_PER_SEC + (uint64_t)t[1];
    return 0;
}

/* Takes one of `set` without running a handler. Number, or -errno. */
static int
wait_for(uint64_t set, uint64_t deadline, struct siginfo_brief *info)
{
    struct proc *p = proc_current();
    struct thread_signals *s = signals_current();
    int err = 0, sig;

    s->awaited = set;
    thread_self()->attention = 1;
    while ((sig = signal_take(p, thread_self(), set, info)) == 0 && err == 0)
        err = wait_sleep(&waitq_nobody, NULL, deadline, WAIT_INTR);
    s->awaited = 0;
    return sig != 0 ? sig : err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

LX(rt_sigtimedwait)
{
    struct siginfo_k info = { .rest = { 0 } };
    uint64_t deadline, set;
    int err, sig;

    if (args->a[3] != SIGSET_BYTES)
        return -EINVAL;
    if (user_copy_in(&set, args->a[0], sizeof(set)) != 0)
        return -EFAULT;
    err = wait_deadline(args->a[2], &deadline);
    if (err != 0)
        return err;
    sig = wait_for(set & ~SIG_UNBLOCKABLE, deadline, &info.used);
    if (sig <= 0 || args->a[1] == 0)
        return sig;
    return user_copy_out(args->a[1], &info, sizeof(info)) == 0 ? sig : -EFAULT;
}

LX(sigaltstack)
{
    struct thread_signals *s = signals_current();
    struct stack_k old = { s->alt_stack_sp, (uint32_t)s->alt_stack_flags, 0, s->alt_stack_size }, new;

    if (alt_stack_covers(s, program_regs()->rsp))
        old.flags |= SS_ONSTACK;
    if (args->a[0] != 0) {
        if (user_copy_in(&new, args->a[0], sizeof(new)) != 0)
            return -EFAULT;
        if (old.flags & SS_ONSTACK)
            return -EPERM;
        if ((new.flags & ~SS_AUTODISARM) > SS_DISABLE)
            return -EINVAL;
        if (!(new.flags & SS_DISABLE) && new.size < ALT_STACK_MIN)
            return -ENOMEM;
        alt_stack_none(s);
        if (!(new.flags & SS_DISABLE)) {
            s->alt_stack_sp = new.sp;
            s->alt_stack_size = new.size;
            s->alt_stack_flags = new.flags & SS_AUTODISARM;
        }
    }
    return args->a[1] != 0 && user_copy_out(args->a[1], &old, sizeof(old)) != 0 ? -EFAULT : 0;
}

/* ---- sending ---- */

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
