/*
 * sigtake.c: what becomes of signals on the way back to the program.
 *
 * Rules:    handlers run only from the way out, when the library stack is empty: calls have unwound with -EINTR by then.
 *           What is sent to the running thread itself, or is its fault, and has nothing before it, is not queued first: signal_enter().
 */
#include "abi/dispatch.h"
#include "abi/linux.h"
#include "exos/gate.h"
#include "proc/group.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "thread/turn.h"

#define SYSCALL_BYTES 2         /* of the instruction */
#define RFLAGS_TF_DF 0x500ull

/* ---- stops ---- */

static void
stop_here(struct proc *p, int sig)
{
    p->stopped = true;
    proc_stopped_count++;
    p->stop_reported = false;
    p->continued = false;
    p->stop_sig = sig;
    proc_tell_job(p, CLD_STOPPED, sig);
    list_for_safe(pos, next, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        thread_attend(t);
        thread_interrupt(t);
    }
}

/* Every thread of a stopped process comes here. */
static void
wait_while_stopped(struct proc *p)
{
    while (p->stopped)
        if (wait_sleep(&p->stop_wq, NULL, DEADLINE_NEVER, 0) != 0)
            continue;
}

static COLD void
default_action(struct proc *p, int sig)
{
    if (SIG_BIT(sig) & SIG_DEFAULT_IGNORE)
        return;
    if (!(SIG_BIT(sig) & SIG_DEFAULT_STOP))
        proc_exit(sig);
    if (sig == SIGSTOP || !group_orphaned(p->pgid, p->sid))
        stop_here(p, sig);
    wait_while_stopped(p);
}

/* ---- calls that were interrupted (signal(7)) ---- */

enum { RESTARTS = 1, RESUMES = 2 };

/* RESTARTS: goes on by itself after a handler that asked for it. Both, and RESUMES: when no handler ran. */
static const uint8_t interrupted[LX_NUMBERS] = {
    [0 /* read */] = RESTARTS, [1 /* write */] = RESTARTS, [2 /* open */] = RESTARTS, [16 /* ioctl */] = RESTARTS,
    [17 /* pread64 */] = RESTARTS, [18 /* pwrite64 */] = RESTARTS, [19 /* readv */] = RESTARTS, [20 /* writev */] = RESTARTS,
    [40 /* sendfile */] = RESTARTS, [42 /* connect */] = RESTARTS, [43 /* accept */] = RESTARTS, [44 /* sendto */] = RESTARTS,
    [45 /* recvfrom */] = RESTARTS, [46 /* sendmsg */] = RESTARTS, [47 /* recvmsg */] = RESTARTS, [61 /* wait4 */] = RESTARTS,
    [72 /* fcntl */] = RESTARTS, [73 /* flock */] = RESTARTS, [85 /* creat */] = RESTARTS, [202 /* futex */] = RESTARTS,
    [242 /* mq_timedsend */] = RESTARTS, [243 /* mq_timedreceive */] = RESTARTS,
    [247 /* waitid */] = RESTARTS, [257 /* openat */] = RESTARTS, [275 /* splice */] = RESTARTS, [276 /* tee */] = RESTARTS,
    [278 /* vmsplice */] = RESTARTS, [288 /* accept4 */] = RESTARTS, [295 /* preadv */] = RESTARTS, [296 /* pwritev */] = RESTARTS,
    [299 /* recvmmsg */] = RESTARTS, [307 /* sendmmsg */] = RESTARTS, [318 /* getrandom */] = RESTARTS, [327 /* preadv2 */] = RESTARTS,
    [328 /* pwritev2 */] = RESTARTS,
    [7 /* poll */] = RESUMES, [23 /* select */] = RESUMES, [34 /* pause */] = RESUMES, [35 /* nanosleep */] = RESUMES,
    [130 /* rt_sigsuspend */] = RESUMES, [230 /* clock_nanosleep */] = RESUMES, [270 /* pselect6 */] = RESUMES, [271 /* ppoll */] = RESUMES,
};

/* The call in hand unwound for a signal, and is one of those. */
static bool
was_interrupted(const struct regs *r, unsigned kinds)
{
    return (int64_t)r->rax == -EINTR && r->orig_rax < LX_NUMBERS && (interrupted[r->orig_rax] & kinds) != 0;
}

/* C libraries do not expect the end of this one by a signal, and Linux does not let them see it. */
static bool
always_again(const struct regs *r, const struct lx_args *args)
{
    enum { FUTEX = 202, LOCK_PI = 6, LOCK_PI2 = 13, COMMAND = 0x7f };

    return r->orig_rax == FUTEX && ((args->a[1] & COMMAND) == LOCK_PI || (args->a[1] & COMMAND) == LOCK_PI2);
}

/* Makes the program call again what was interrupted, once the handler is done. */
static COLD void
call_again(struct regs *r, const struct lx_args *args)
{
    const uint64_t *a = args->a;

    if (!was_interrupted(r, RESTARTS))
        return;
    if (call_linked()) {
        r->rip = (uint64_t)EXOS_GATE->syscall;
        r->rsp -= sizeof(uint64_t);     /* the return address is still there */
        r->rax = 0;
        r->rdi = r->orig_rax, r->rsi = a[0], r->rdx = a[1], r->rcx = a[2], r->r8 = a[3], r->r9 = a[4];
    } else {
        r->rip -= SYSCALL_BYTES;
        r->rax = r->orig_rax;
    }
}

/* A call that unwound for a signal which then had no handler goes on as if nothing had been. */
static COLD void
call_resume(struct proc *p, struct regs *r, const struct lx_args *args)
{
    if (!was_interrupted(r, RESTARTS | RESUMES) || p->kill_requested || thread_self()->end_wanted)
        return;
    signals_current()->resuming = true;
    r->rax = (uint64_t)linux_dispatch(r->orig_rax, args);
    signals_current()->resuming = false;
}

/* ---- handlers ---- */

/* There is no stack for a handler: SIGSEGV, for which there may be another one. */
static COLD void
no_room(struct proc *p, int sig)
{
    struct siginfo_brief info = { .code = SI_KERNEL };

    if (sig == SIGSEGV)
        proc_exit(SIGSEGV);
    proc_signal_force(p, SIGSEGV, &info);
}

static inline uint64_t
blocked_by(const struct sigaction_k *sa, int sig)
{
    return sa->mask | (sa->flags & SA_NODEFER ? 0 : SIG_BIT(sig));
}

/* The frame is there. flags, blocks: what sa said when the signal was taken. */
static inline void
handler_begins(struct regs *r, struct thread_signals *s, struct sigaction_k *sa, uint64_t flags, uint64_t blocks)
{
    r->rflags &= ~RFLAGS_TF_DF;
    s->blocked |= blocks;
    if (flags & SA_RESETHAND)
        sa->handler = SIG_DFL;
}

/* The handler that sa was when the signal was taken. */
static bool
run_handler(struct proc *p, struct regs *r, int sig, struct sigaction_k *sa, const struct siginfo_brief *info)
{
    uint64_t flags = sa->flags, blocks = blocked_by(sa, sig);

    if (sigframe_push(r, sig, sa, info) != 0) {
        no_room(p, sig);
        return false;
    }
    handler_begins(r, signals_current(), sa, flags, blocks);
    signals_current()->restore_mask = false;
    return true;
}

bool
signal_enter(struct regs *r, struct thread *t, const struct siginfo_brief *info)
{
    struct sigaction_k *sa = &t->proc->actions[info->signo - 1];

    if (!sigframe_push_now(r, info->signo, sa, t->sig.blocked, sa->flags & SA_SIGINFO ? info : NULL))
        return false;
    handler_begins(r, &t->sig, sa, sa->flags, blocked_by(sa, info->signo));
    return true;
}

int
signal_take(struct proc *p, struct thread *t, uint64_t wanted, struct siginfo_brief *info)
{
    struct sig_queue *q = t->sig.pending.set & wanted ? &t->sig.pending : &p->sig_pending;
    int sig;

    if ((q->set & wanted) == 0)
        return 0;
    sig = signal_first(q->set & wanted);
    sigqueue_remove(q, sig, info, &p->sig_queued);
    if (info->code == SI_TIMER)
        ptimer_taken(p, info);
    return sig;
}

/* One signal out of `due`, which are pending in q. True: a handler is to be entered. args: of the call that ends, unless one has been before. */
static bool
take_one(struct proc *p, struct regs *r, struct sig_queue *q, uint64_t due, const struct lx_args *args)
{
    int sig = signal_first(due);
    struct sigaction_k *sa = &p->actions[sig - 1];
    struct siginfo_brief info, *shown = (sa->flags & SA_SIGINFO) || p->ptimer_count != 0 ? &info : NULL;

    sigqueue_remove(q, sig, shown, &p->sig_queued);
    if (p->ptimer_count != 0 && info.code == SI_TIMER)
        ptimer_taken(p, &info);
    if (sa->handler <= SIG_IGN) {
        if (sa->handler == SIG_DFL)
            default_action(p, sig);
        return false;
    }
    if (args != NULL && (int64_t)r->rax == -EINTR && ((sa->flags & SA_RESTART) || always_again(r, args)))
        call_again(r, args);
    return run_handler(p, r, sig, sa, shown);
}

/* Where more than signals may be due: a stopped process, a thread that is to end or has got other CPUs. */
static COLD void
held_up(struct proc *p, const struct thread *t)
{
    wait_while_stopped(p);
    if (t->end_wanted)
        thread_give_way();
    sched_migrate();
}

bool
signals_take(struct regs *r, const struct lx_args *args)
{
    struct thread *t = thread_self();
    struct proc *p = t->proc;
    bool handled = false;
    uint64_t due;

    do {
        t->attention = 0;
        if (p->stopped || t->end_wanted || t->barred != 0)
            held_up(p, t);
        if (p->sig_pending.set & SIG_BIT(SIGKILL))
            proc_exit(SIGKILL);
        while ((due = (t->sig.pending.set | p->sig_pending.set) & ~t->sig.blocked) != 0) {
            struct sig_queue *q = t->sig.pending.set & due ? &t->sig.pending : &p->sig_pending;

            handled |= take_one(p, r, q, q->set & due, handled ? NULL : args);
        }
        if (!handled && args != NULL)
            call_resume(p, r, args);
    } while (t->attention != 0 && (t->end_wanted || p->stopped || signal_due(t) != 0));
    if (t->sig.restore_mask) {
        t->sig.restore_mask = false;
        t->sig.blocked = t->sig.saved_mask;
        proc_attend(p);
    }
    return handled;
}
