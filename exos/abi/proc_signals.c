/*
 * proc_signals.c: what a program does about the signals that it gets: rt_sigaction(2), rt_sigprocmask(2), sigaltstack(2) and their kin.
 */
#include "abi/linux.h"
#include "base/uaccess.h"
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

/* A set of a program's: one word, and most often there. */
static inline bool
set_from(uint64_t *set, uva_t from)
{
    return user_ok(from, sizeof(*set)) && (uaccess_load64(set, from) || user_copy_in(set, from, sizeof(*set)) == 0);
}

static inline bool
set_to(uva_t to, uint64_t set)
{
    return user_ok(to, sizeof(set)) && (uaccess_store64(to, set) || user_copy_out(to, &set, sizeof(set)) == 0);
}

LX(rt_sigprocmask)
{
    struct thread_signals *s = signals_current();
    uint64_t old = s->blocked, set;

    if (args->a[3] != SIGSET_BYTES)
        return -EINVAL;
    if (args->a[1] != 0) {
        if (!set_from(&set, args->a[1]))
            return -EFAULT;
        switch ((int)args->a[0]) {
        case SIG_BLOCK: set |= old; break;
        case SIG_UNBLOCK: set = old & ~set; break;
        case SIG_SETMASK: break;
        default: return -EINVAL;
        }
        s->blocked = set & ~SIG_UNBLOCKABLE;
        signals_mask_changed(proc_current());
    }
    return args->a[2] != 0 && !set_to(args->a[2], old) ? -EFAULT : 0;
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
