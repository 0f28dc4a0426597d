/*
 * signal.h: signals inside the library: their numbers, what the kernel ABI says of them, and how they are taken.
 */
#ifndef EXOS_PROC_SIGNAL_H
#define EXOS_PROC_SIGNAL_H

#include "proc/proc.h"

/* Linux include/uapi/asm-generic/signal.h */
enum {
    SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,
    SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO,
    SIGPWR, SIGSYS,
};
#define SIG_UNBLOCKABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

#define SIG_FAULTS (SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))
#define SIG_DEFAULT_IGNORE (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
#define SIG_DEFAULT_STOP (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

#define SIG_DFL 0
#define SIG_IGN 1
#define SA_NOCLDSTOP 1u
#define SA_NOCLDWAIT 2u
#define SA_SIGINFO   4u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u

#define SS_ONSTACK 1u
#define SS_DISABLE 2u
#define SS_AUTODISARM (1ull << 31)
#define ALT_STACK_MIN 2048

#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_TKILL (-6)
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

struct sigaction_k {            /* as rt_sigaction takes it; mask: without those that cannot be blocked */
    uint64_t handler, flags, restorer, mask;
};

/* What does something by its arrival, or cannot be handled. */
#define SIG_NOT_PLAIN (SIG_DEFAULT_STOP | SIG_BIT(SIGCONT) | SIG_BIT(SIGKILL))

struct lx_args;

extern unsigned proc_stopped_count;     /* processes that are stopped */
extern struct waitq signal_watchers;    /* woken when a signal has been sent to anybody: for files that signals are read from */
/* The deadline of a call that a stop or an ignored signal may have interrupted: what it was at first. */
static inline uint64_t
call_deadline(uint64_t deadline_ns)
{
    struct thread_signals *s;

    if (proc_current() == NULL)
        return deadline_ns;
    s = signals_current();
    if (!s->resuming)
        s->call_deadline_ns = deadline_ns;
    return s->call_deadline_ns;
}
int proc_signal_info(struct proc *p, int sig, const struct siginfo_brief *info);
/* A stopped process goes on; for good: it was told to. */
void proc_continue(struct proc *p, bool for_good);
/* To one thread alone. */
int thread_signal_info(struct thread *t, int sig, const struct siginfo_brief *info);
/* A fault of the program itself: cannot be ignored or blocked. For the running thread. */
void proc_signal_force(struct proc *p, int sig, const struct siginfo_brief *info);
/* SIGKILL, also for pid 1, which ignores it when it is sent. */
void proc_kill(struct proc *p);
/* Sees to it that for each signal that is due a thread looks up before it goes back to its program. */
void proc_attend(struct proc *p);
/* The same after the running thread's mask has changed, or it ends: most often nothing is pending. */
static inline void
signals_mask_changed(struct proc *p)
{
    if ((p->sig_pending.set | signals_current()->pending.set) != 0)
        proc_attend(p);
}
const char *signal_name(int sig);

/* On the way back to the program: takes the signals that are due. args: of the call that ends, or NULL. True: a handler is to be entered, and but for its arguments, stack and
   address the registers are as they were. May not return. */
bool signals_take(struct regs *r, const struct lx_args *args);
/* Nothing is due for the running thread, and the signal, none of `but`, has a handler that could be entered. */
static inline bool
signal_open(const struct thread *t, int sig, uint64_t but)
{
    return !((t->sig.blocked | but) & SIG_BIT(sig)) && t->proc->actions[sig - 1].handler > SIG_IGN && t->attention == 0;
}
/* Such a one, which is pending nowhere: enters its handler, as signals_take() would. False: the frame's memory is not there, and nothing is
   done. Does not sleep. */
bool signal_enter(struct regs *r, struct thread *t, const struct siginfo_brief *info) MUST_USE;
/* Puts the frame of a handler on the program's stack and points the registers at it; info NULL: without what sa_sigaction is told.
   -EFAULT: there is no room. */
int sigframe_push(struct regs *r, int sig, const struct sigaction_k *sa, const struct siginfo_brief *info) MUST_USE;
/* The same where the memory is there and fits, else nothing: false. Does not sleep. mask: what the way back puts in force. */
bool sigframe_push_now(struct regs *r, int sig, const struct sigaction_k *sa, uint64_t mask, const struct siginfo_brief *info) MUST_USE;
/* The way back from the frame whose context is at `uc`. -EFAULT: it is not readable. */
int sigframe_pop(struct regs *r, uva_t uc) MUST_USE;
/* Once, before there is a program. */
void sigframe_init(void);
/* How many bytes of a program's stack vector registers take. */
uint64_t vectors_bytes(void);
/* siginfo_t. */
struct siginfo_k {
    struct siginfo_brief used;
    uint64_t rest[10];
};
_Static_assert(sizeof(struct siginfo_k) == 128, "Linux ABI");

/* Takes the next of `wanted` that is pending for t: its own before its process'. 0: there is none. */
int signal_take(struct proc *p, struct thread *t, uint64_t wanted, struct siginfo_brief *info);
static inline bool
alt_stack_covers(const struct thread_signals *s, uint64_t sp)
{
    return s->alt_stack_size != 0 && !(s->alt_stack_flags & SS_AUTODISARM) && sp > s->alt_stack_sp &&
           sp - s->alt_stack_sp <= s->alt_stack_size;
}
static inline void
alt_stack_none(struct thread_signals *s)
{
    s->alt_stack_sp = s->alt_stack_size = 0;
    s->alt_stack_flags = SS_DISABLE;
}
/* Takes it out of what is pending. */
void signal_forget(struct proc *p, int sig);
bool signal_ignored(const struct proc *p, int sig);

#endif
