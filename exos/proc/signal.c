/*
 * signal.c: sending signals, and what becomes of them on the way back to the program.
 *
 * Holds:    a pending bit and the newest sender's words per signal. `attention` of the thread is set while something may be due, so that
 *           every way out of the library looks at one word.
 * Rules:    handlers run only from the way out, when the library stack is empty: calls have unwound with -EINTR by then.
 */
#include "proc/signal.h"

#include "abi/dispatch.h"
#include "abi/linux.h"
#include "fs/file.h"
#include "proc/group.h"
#include "proc/internal.h"
#include "start/entry.h"

#define INIT_PID 1
#define DEFAULT_IGNORE (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
#define DEFAULT_STOP (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))
#define SYSCALL_BYTES 2         /* of the instruction */
#define RFLAGS_TF_DF 0x500ull

unsigned proc_stopped_count;

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

    if (SIG_BIT(sig) & SIG_UNBLOCKABLE)
        return p->pid == INIT_PID;
    if (handler == SIG_IGN)
        return true;
    return handler == SIG_DFL && ((SIG_BIT(sig) & DEFAULT_IGNORE) || p->pid == INIT_PID);
}

/* The lowest signal that is pending and not blocked; faults of the program first. */
static int
first_of(uint64_t due)
{
    uint64_t first = SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGFPE) | SIG_BIT(SIGILL);

    if (due == 0)
        return 0;
    if (due & SIG_BIT(SIGKILL))
        return SIGKILL;
    return __builtin_ctzll(due & first ? due & first : due) + 1;
}

int
signal_due(const struct thread *t)
{
    return first_of((t->sig.pending | t->proc->sig_pending) & ~t->sig.blocked);
}

static void
look_up(struct thread *t)
{
    t->attention = 1;
    thread_interrupt(t);
}

/* A signal of the process goes to the first thread that does not block it; SIGKILL to all. */
void
proc_attend(struct proc *p)
{
    uint64_t left = p->sig_pending;

    list_for_safe(pos, next, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        if (t->leaving || ((left | t->sig.pending) & ~t->sig.blocked) == 0)
            continue;
        left &= t->sig.blocked | SIG_BIT(SIGKILL);
        look_up(t);
    }
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
    p->sig_pending &= ~set;
    list_for(pos, &p->threads)
        container_of(pos, struct thread, proc_link)->sig.pending &= ~set;
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

/* To thread t, or NULL: to whichever takes it. */
static int
send(struct proc *p, struct thread *t, int sig, const struct siginfo_brief *info)
{
    if (sig < 0 || sig > SIG_MAX)
        return -EINVAL;
    if (sig == 0 || p->state == PROC_ZOMBIE || p->actions == NULL)
        return 0;
    if (sig == SIGCONT) {
        pending_drop(p, DEFAULT_STOP);
        proc_continue(p, true);
    } else if (SIG_BIT(sig) & DEFAULT_STOP) {
        pending_drop(p, SIG_BIT(SIGCONT));
    }
    if (signal_ignored(p, sig) && !(t != NULL ? (t->sig.blocked & SIG_BIT(sig)) != 0 : all_block(p, sig)))
        return 0;
    p->sig_info[sig] = *info;
    if (sig == SIGKILL) {
        proc_kill(p);
    } else {
        *(t != NULL ? &t->sig.pending : &p->sig_pending) |= SIG_BIT(sig);
        proc_attend(p);
    }
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
    p->sig_pending |= SIG_BIT(SIGKILL);
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
    s->pending |= SIG_BIT(sig);
    p->sig_info[sig] = *info;
    thread_self()->attention = 1;
}

/* ---- on the way back to the program ---- */

static void
stop_here(struct proc *p, int sig)
{
    p->stopped = true;
    proc_stopped_count++;
    p->stop_reported = false;
    p->continued = false;
    p->stop_sig = sig;
    proc_tell_job(p, CLD_STOPPED, sig);
    list_for_safe(pos, next, &p->threads)
        look_up(container_of(pos, struct thread, proc_link));
}

/* Every thread of a stopped process comes here. */
static void
wait_while_stopped(struct proc *p)
{
    while (p->stopped)
        if (wait_sleep(&p->stop_wq, NULL, DEADLINE_NEVER, 0) != 0)
            continue;
}

static void
default_action(struct proc *p, int sig)
{
    if (SIG_BIT(sig) & DEFAULT_IGNORE)
        return;
    if (!(SIG_BIT(sig) & DEFAULT_STOP))
        proc_exit(sig);
    if (sig == SIGSTOP || !group_orphaned(p->pgid, p->sid))
        stop_here(p, sig);
    wait_while_stopped(p);
}

/* Calls that go on by themselves after a handler that asked for it (signal(7)). */
static bool
restarts(uint64_t n)
{
    static const uint16_t calls[] = { 0, 1, 2, 16, 17, 18, 19, 20, 42, 43, 44, 45, 46, 47, 61, 73, 202, 247, 257, 288, 295, 296 };

    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i] == n)
            return true;
    return false;
}

/* Calls that go on by themselves when no handler ran. */
static bool
resumes(uint64_t n)
{
    static const uint16_t calls[] = { 7, 23, 34, 35, 130, 230, 270, 271 };

    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i] == n)
            return true;
    return restarts(n);
}

/* Makes the program call again what was interrupted, once the handler is done. */
static void
call_again(struct regs *r)
{
    if (uenv_local(thread_self()->uenv)->linked) {
        r->rip = (uint64_t)gate_syscall;
        r->rsp -= sizeof(uint64_t);     /* the return address is still there */
    } else {
        r->rip -= SYSCALL_BYTES;
        r->rax = r->orig_rax;
    }
}

static void
run_handler(struct proc *p, struct regs *r, int sig, struct sigaction_k sa)
{
    struct siginfo_brief info = p->sig_info[sig];
    struct thread_signals *s = signals_current();

    if (sigframe_push(r, sig, &sa, &info) != 0)
        proc_exit(SIGSEGV);
    r->rflags &= ~RFLAGS_TF_DF;
    s->blocked |= sa.mask | (sa.flags & SA_NODEFER ? 0 : SIG_BIT(sig));
    s->blocked &= ~SIG_UNBLOCKABLE;
    s->restore_mask = false;
    if (sa.flags & SA_RESETHAND)
        p->actions[sig - 1].handler = SIG_DFL;
}

/* A call that unwound for a signal which then had no handler goes on as if nothing had been. */
static void
call_resume(struct proc *p, struct regs *r, const struct lx_args *args)
{
    if (args == NULL || (int64_t)r->rax != -EINTR || !resumes(r->orig_rax) || p->kill_requested || thread_self()->end_wanted)
        return;
    signals_current()->resuming = true;
    r->rax = (uint64_t)linux_dispatch(r->orig_rax, args);
    signals_current()->resuming = false;
}

/* The next signal that the running thread takes, which is then not pending any more. */
static int
next_signal(struct proc *p, struct thread *t)
{
    uint64_t *set = signal_due(t) == first_of(t->sig.pending & ~t->sig.blocked) ? &t->sig.pending : &p->sig_pending;
    int sig = signal_due(t);

    if (sig != 0)
        *set &= ~SIG_BIT(sig);
    return sig;
}

void
signals_take(struct regs *r, bool from_call, const struct lx_args *args)
{
    struct proc *p = proc_current();
    struct thread *t = thread_self();
    bool handled = false;
    int sig;

    do {
        t->attention = 0;
        wait_while_stopped(p);
        if (t->end_wanted)
            thread_give_way();
        while ((sig = next_signal(p, t)) != 0) {
            struct sigaction_k sa = p->actions[sig - 1];

            if (signal_ignored(p, sig) && sa.handler == SIG_IGN)
                continue;
            if (sa.handler <= SIG_IGN || sig == SIGKILL || sig == SIGSTOP) {
                default_action(p, sig);
                continue;
            }
            if (from_call && !handled && (int64_t)r->rax == -EINTR && (sa.flags & SA_RESTART) && restarts(r->orig_rax))
                call_again(r);
            handled = true;
            run_handler(p, r, sig, sa);
        }
        if (!handled && from_call)
            call_resume(p, r, args);
    } while (t->attention != 0 && (t->end_wanted || p->stopped || signal_due(t) != 0));
    if (t->sig.restore_mask) {
        t->sig.restore_mask = false;
        t->sig.blocked = t->sig.saved_mask;
        proc_attend(p);
    }
}
