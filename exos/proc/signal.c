/*
 * signal.c: sending signals.
 *
 * Holds:    `attention` of a thread is set while something may be due, so that every way out of the library looks at one word.
 * Not here: what is pending (sigqueue.c), and what becomes of it on the way back to the program (sigtake.c).
 */
#include "proc/signal.h"

#include "fs/file.h"
#include "proc/internal.h"
#include "thread/turn.h"

#define INIT_PID 1

unsigned proc_stopped_count;
struct waitq signal_watchers = { { &signal_watchers.waiters, &signal_watchers.waiters } };

static const char *const names[] = {
    "?", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
    "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
    "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
};

const char *
signal_name(int sig)
{
    return sig > 0 && (size_t)sig < ARRAY_SIZE(names) ? names[sig] : "real-time signal";
}

bool
signal_ignored(const struct proc *p, int sig)
{
    uint64_t handler = p->actions[sig - 1].handler;

    if (handler > SIG_IGN)
        return false;
    if (SIG_BIT(sig) & SIG_UNBLOCKABLE)
        return p->pid == INIT_PID;
    return handler == SIG_IGN || (SIG_BIT(sig) & SIG_DEFAULT_IGNORE) || p->pid == INIT_PID;
}

int
signal_due(const struct thread *t)
{
    uint64_t due = (t->sig.pending.set | t->proc->sig_pending.set) & (~t->sig.blocked | t->sig.awaited);

    return due == 0 ? 0 : due & SIG_BIT(SIGKILL) ? SIGKILL : signal_first(due);
}

static void
look_up(struct thread *t)
{
    thread_attend(t);
    if (t->sleeping)
        thread_interrupt(t);
}

/* A signal of the process goes to the first thread that does not block it; SIGKILL to all. */
static COLD void
attend_all(struct proc *p)
{
    uint64_t left = p->sig_pending.set;

    list_for_safe(pos, next, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);
        uint64_t open = ~t->sig.blocked | t->sig.awaited;

        if (t->leaving || ((left | t->sig.pending.set) & open) == 0)
            continue;
        left &= ~open | SIG_BIT(SIGKILL);
        look_up(t);
    }
}

void
proc_attend(struct proc *p)
{
    struct thread *t = container_of(p->threads.next, struct thread, proc_link);

    if (p->thread_count > 1)
        attend_all(p);
    else if ((t->sig.pending.set | p->sig_pending.set) & (~t->sig.blocked | t->sig.awaited))
        look_up(t);
}

void
proc_continue(struct proc *p, bool for_good)
{
    if (!p->stopped)
        return;
    p->stopped = false;
    proc_stopped_count--;
    p->continued = for_good;
    wake_all(&p->stop_wq);
    if (for_good)
        proc_tell_job(p, CLD_CONTINUED, SIGCONT);
}

static void
pending_drop(struct proc *p, uint64_t set)
{
    sigqueue_drop(&p->sig_pending, set, &p->sig_queued);
    list_for(pos, &p->threads)
        sigqueue_drop(&container_of(pos, struct thread, proc_link)->sig.pending, set, &p->sig_queued);
}

void
signal_forget(struct proc *p, int sig)
{
    pending_drop(p, SIG_BIT(sig));
}

/* Every thread blocks it. */
static bool
all_block(const struct proc *p, int sig)
{
    list_for(pos, &p->threads)
        if (!(container_of(pos, struct thread, proc_link)->sig.blocked & SIG_BIT(sig)))
            return false;
    return true;
}

/* What has no handler, and what does something by its arrival. False: that was all. */
static COLD bool
send_more(struct proc *p, struct thread *t, int sig)
{
    if (sig == SIGCONT) {
        pending_drop(p, SIG_DEFAULT_STOP);
        proc_continue(p, true);
    } else if (SIG_BIT(sig) & SIG_DEFAULT_STOP) {
        pending_drop(p, SIG_BIT(SIGCONT));
    }
    if (signal_ignored(p, sig) && !(t != NULL ? (t->sig.blocked & SIG_BIT(sig)) != 0 : all_block(p, sig)))
        return false;
    if (sig == SIGKILL)
        proc_kill(p);
    return sig != SIGKILL;
}

/* What p may have pending: RLIMIT_SIGPENDING is for all processes of its user together. */
static COLD uint64_t
room_beside_others(const struct proc *p, uint64_t limit)
{
    uint64_t others = 0;

    for (unsigned i = 0; i < proc_places(); i++) {
        const struct proc *q = proc_at(i);

        if (q != NULL && q != p && q->fs != NULL && p->fs != NULL && q->fs->ruid == p->fs->ruid)
            others += q->sig_queued;
    }
    return limit - MIN(limit, others);
}

static inline uint64_t
pending_limit(const struct proc *p)
{
    uint64_t limit = p->rlimit[RLIMIT_SIGPENDING_K].cur;

    return sigqueue_total < limit ? limit : room_beside_others(p, limit);
}

/* To thread t, or NULL: to whichever takes it. */
static int
send(struct proc *p, struct thread *t, int sig, const struct siginfo_brief *info)
{
    struct sig_queue *q = t != NULL ? &t->sig.pending : &p->sig_pending;
    int err;

    if (sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    if (sig == 0 || p->state == PROC_ZOMBIE || p->actions == NULL)
        return 0;
    if (((SIG_BIT(sig) & SIG_NOT_PLAIN) || p->actions[sig - 1].handler <= SIG_IGN) && !send_more(p, t, sig))
        return 0;
    err = sigqueue_add(q, sig, info, &p->sig_queued, pending_limit(p));
    if (err != 0)
        return err;
    proc_attend(p);
    if (!list_empty(&signal_watchers.waiters))
        wake_all(&signal_watchers);
    return 0;
}

int
proc_signal_info(struct proc *p, int sig, const struct siginfo_brief *info)
{
    return send(p, NULL, sig, info);
}

int
thread_signal_info(struct thread *t, int sig, const struct siginfo_brief *info)
{
    return send(t->proc, t, sig, info);
}

void
proc_kill(struct proc *p)
{
    p->sig_pending.set |= SIG_BIT(SIGKILL);
    p->kill_requested = true;
    proc_kill_begin(p);
    proc_continue(p, false);
    proc_attend(p);
}

int
proc_signal(struct proc *p, int sig)
{
    struct siginfo_brief info = { .code = SI_KERNEL };

    return proc_signal_info(p, sig, &info);
}

struct group_send {
    uint32_t pgid;
    int sig;
};

static bool
send_if_member(struct proc *p, uint64_t arg)
{
    const struct group_send *g = (const struct group_send *)arg;

    return p->pgid == g->pgid && proc_signal(p, g->sig) == 0;
}

int
proc_signal_group(uint32_t pgid, int sig)
{
    struct group_send g = { pgid, sig };

    return proc_each(send_if_member, (uint64_t)&g) > 0 ? 0 : -ESRCH;
}

void
proc_signal_force(struct proc *p, int sig, const struct siginfo_brief *info)
{
    struct sigaction_k *sa = &p->actions[sig - 1];
    struct thread_signals *s = signals_current();

    if (sa->handler == SIG_IGN || (s->blocked & SIG_BIT(sig)) || p->pid == INIT_PID) {
        if (sa->handler <= SIG_IGN || (s->blocked & SIG_BIT(sig)))
            *sa = (struct sigaction_k){ .handler = SIG_DFL };
        s->blocked &= ~SIG_BIT(sig);
    }
    if (sigqueue_add(&s->pending, sig, info, &p->sig_queued, UINT64_MAX) != 0)
        EXO_PANIC("signal %d of a fault was not added", sig);
    thread_self()->attention = 1;
}
