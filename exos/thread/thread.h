/*
 * thread.h: the threads of the session and the queue of those that want to run.
 *
 * On one CPU all threads of a process share its env: whoever has it changes to another by changing library stacks (entry.asm). The housekeeper's
 * has no process. A thread that sleeps is in no queue; waking it is an insertion.
 */
#ifndef EXOS_THREAD_THREAD_H
#define EXOS_THREAD_THREAD_H

#include "aegis/uenv.h"
#include "base/base.h"
#include "base/list.h"
#include "base/wait.h"
#include "proc/sigqueue.h"

struct proc;

#define LOCKS_HELD_MAX 8

/* User registers, in the order of Linux' struct pt_regs. They always lie at the very top of the library stack. */
struct regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t orig_rax;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct regs) == 168, "entry.asm");
#define ORIG_REPLACED UINT64_MAX     /* orig_rax of registers that no call left: a signal's return has replaced them all */
#define USER_CS 0x33
#define USER_SS 0x2b
#define RFLAGS_USER 0x50dd5ull  /* what a program may change */
#define RFLAGS_PLAIN 0x202ull

/* The library's half of the UENV, reached through GS by the entry code (offsets in entry.inc). */
struct uenv_local {
    uint64_t stack_top;         /* 0x800 */
    struct thread *self;        /* 0x808 */
    uint32_t pid;               /* 0x810 */
    uint32_t cpu_bit;           /* 0x814 1 << cpu */
    uint64_t user_rsp;          /* 0x818 scratch of the entry code */
    uint64_t fault_va;          /* 0x820 where the last uaccess stopped */
    uint64_t fault_error;       /* 0x828 */
    uint32_t locks_held;        /* 0x830 lock_fast.h */
    uint32_t reserved1;
    uint64_t saved;             /* 0x838 scratch of the entry code */
    uint64_t reserved2[3];      /* 0x840 scratch of the entry code */
    uint32_t cpu;               /* 0x858 which runs the env; turn.c */
    uint32_t inside;            /* 0x85c enum turn_state */
    uint64_t user_rip;          /* 0x860 scratch of resume */
};

/* One-shot timers. fn runs in any env, holding no lock, and must not sleep. */
struct timer {
    struct list link;
    uint64_t deadline_ns;
    void (*fn)(struct timer *t);
    bool armed;
};
_Static_assert(__builtin_offsetof(struct uenv_local, locks_held) == 0x30, "lock_fast.h");
_Static_assert(__builtin_offsetof(struct uenv_local, cpu_bit) == 0x14 && __builtin_offsetof(struct uenv_local, cpu) == 0x58 &&
                   __builtin_offsetof(struct uenv_local, user_rip) == 0x60, "entry.inc");

struct wait_node {
    struct wait_watch watch;    /* first: a sleeper is a watch whose function wakes a thread */
    struct thread *thread;
};

/* What a thread has of its own of its process' signals. */
struct thread_signals {
    uint64_t alt_stack_sp, alt_stack_flags, alt_stack_size;     /* these and the next four: proc/sigframe.asm */
    uint64_t fault_vector, fault_error, fault_address;          /* of its program's last one */
    uint64_t blocked;
    struct sig_queue pending;       /* sent to it alone */
    uint64_t awaited;               /* what sigtimedwait takes without unblocking it */
    uint64_t saved_mask;            /* put back when the signal that ended sigsuspend, ppoll ... has been taken */
    bool restore_mask;
    int32_t own, own_code;          /* that it has just sent to itself, without a queue (abi/proc_kill.c); 0: none */
    bool resuming;                  /* the call in hand is made once more because nothing came of the signal that ended it */
    uint64_t call_deadline_ns;
};

/* The word that a thread sleeps at (futex.c, futex.asm). */
struct futex_key {
    const void *object;             /* a struct mm, or what a shared page belongs to */
    uint64_t at;
};
struct futex_sleep {
    struct futex_key key;
    uint32_t bits;
};

#define THREAD_NAME_MAX 16
#define ATTENTION_OWN 2         /* nothing but a signal that the thread has just sent to itself */

struct thread {
    volatile uint32_t attention;    /* first, entry.asm: look at signals before going back to the program */
    uint32_t tid;
    uint64_t env;
    struct proc *proc;              /* NULL: the housekeeper */
    struct aeg_uenv *uenv;          /* session page */
    uint64_t parked;                /* entry.asm: its stack while somebody else has the CPU at its wish; 0: it has not given the CPU away */
    uint64_t stack_top;             /* of its library stack */
    uint32_t pid;
    struct thread **holder;         /* whose the env is now: all threads of an env point to one place */
    void *vectors;                  /* where its vector registers are kept; in its own space */
    struct thread_signals sig;      /* this and the next three survive thread_init() */
    struct list proc_link;          /* in proc.threads */
    uint64_t clear_tid;             /* set_tid_address */
    uint64_t barred;                /* CPUs on which it does not run, as bits: sched_setaffinity */
    uint64_t robust_list;           /* set_robust_list */
    uint64_t fs_base;               /* it begins with */
    bool leaving;                   /* it has exited, and only waits for the others */
    bool end_wanted;                /* somebody ends all other threads of the process */
    char name[THREAD_NAME_MAX];     /* PR_SET_NAME, of others than the first */
    struct list run_link;           /* this and all up to `sleep`: futex.asm */
    bool queued;
    bool go;                        /* whoever yielded to it meant it */
    bool sleeping;
    bool interruptible;
    int wake_reason;                /* 0, -ETIMEDOUT, -EINTR */
    struct futex_sleep futex;
    struct wait_node sleep;
    struct timer deadline;          /* of the sleep */
    uint64_t run_ticks;             /* CPU time, by the TSC */
    uint32_t locks_held;            /* lock_check.c */
    uint32_t lock_rank[LOCKS_HELD_MAX];     /* in the order of taking */
};

_Static_assert(__builtin_offsetof(struct thread, parked) == 32 && __builtin_offsetof(struct thread, stack_top) == 40 &&
                   __builtin_offsetof(struct thread, pid) == 48 &&
                   __builtin_offsetof(struct thread, sig) == 72 && __builtin_offsetof(struct thread_signals, blocked) == 48 &&
                   __builtin_offsetof(struct thread_signals, pending) == 56 && __builtin_offsetof(struct sig_queue, set) == 0, "entry.inc");

#define T_RUN_LINK 312
_Static_assert(offsetof(struct thread, holder) == 56 && offsetof(struct thread, vectors) == 64 && offsetof(struct thread, run_link) == T_RUN_LINK &&
                   offsetof(struct thread, queued) == T_RUN_LINK + 16 && offsetof(struct thread, go) == T_RUN_LINK + 17 &&
                   offsetof(struct thread, sleeping) == T_RUN_LINK + 18 && offsetof(struct thread, interruptible) == T_RUN_LINK + 19 &&
                   offsetof(struct thread, wake_reason) == T_RUN_LINK + 20 && offsetof(struct thread, futex.key.object) == T_RUN_LINK + 24 &&
                   offsetof(struct thread, futex.key.at) == T_RUN_LINK + 32 && offsetof(struct thread, futex.bits) == T_RUN_LINK + 40 &&
                   offsetof(struct thread, sleep.watch.link) == T_RUN_LINK + 48 && offsetof(struct thread, run_ticks) == T_RUN_LINK + 120, "futex.asm");

static inline uint64_t
fs_base_get(void)
{
    uint64_t base;

    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline void
fs_base_set(uint64_t base)
{
    __asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
}

#ifdef EXOS_HOST_TEST
struct thread *thread_self(void);
#else
static inline struct thread *
thread_self(void)
{
    struct thread *t;

    __asm__("mov %%gs:0x808, %0" : "=r"(t));
    return t;
}
#endif

static inline struct uenv_local *
uenv_local(const struct aeg_uenv *u)
{
    return (struct uenv_local *)(uintptr_t)u->library;
}

void thread_init(struct thread *t, struct proc *p, uint64_t env, struct aeg_uenv *uenv, struct thread **holder);
extern struct list run_queue;
/* What another CPU may have to hear of, by whoever gives up the library's turn (turn.c); entry.inc. */
extern struct turn_news {
    uint8_t work;               /* a thread is ready, something is due earlier, or homes have come or gone */
    uint8_t signals;            /* a thread that may be in its program on another CPU is to look up */
} turn_news;
_Static_assert(sizeof(struct turn_news) == 2, "entry.inc");
static inline void
thread_queue(struct thread *t)
{
    t->queued = true;
    turn_news.work = 1;
    list_push_tail(&run_queue, &t->run_link);
}

/* Puts a thread at the tail of the run queue, if it is not there. */
static inline void
thread_ready(struct thread *t)
{
    if (!t->queued)
        thread_queue(t);
}

/* A thread that sleeps goes on, for `reason`: 0 or -errno. */
static inline void
thread_rouse(struct thread *t, int reason)
{
    t->sleeping = false;
    t->wake_reason = reason;
    list_unlink(&t->sleep.watch.link);
    thread_ready(t);
}

/* Takes a thread whose env is gone out of every queue. */
void thread_forget(struct thread *t);
/* Its env is there, and can run. */
bool thread_env_runs(const struct thread *t);
/* The same, if it sleeps. */
void thread_wake(struct thread *t, int reason);
/* Wakes a thread that sleeps interruptibly; for signals. */
void thread_interrupt(struct thread *t);
/* Somebody wants one of these CPUs, as bits: those that may have him. 0: nobody does. */
uint32_t sched_wanted(uint32_t cpus);
/* The caller may be on a CPU that is barred to it: it goes on elsewhere. */
void sched_migrate(void);
/* Gives the CPU to the next in line; back when this thread has been made ready (or at once, when nobody else wants it). */
void sched_yield_now(void);
/* For futex.asm: somebody has changed to self, which may not be whom he meant. Back when it is. */
void sched_not_meant(struct thread *self);
/* Sleeps until thread_ready(): the caller has seen to it that somebody will call that. Gives wake_reason. */
long sched_sleep(void);
/* The slice is over. */
void sched_slice_end(void);
/* A device takes its time, and locks are held: other sessions may have the CPU when the slice is over, members of this one not. */
void sched_pause(void);
/* CPU time of a thread, until now. */
uint64_t thread_cpu_ns(const struct thread *t);
/* The running env is from now on another thread's, whose env it is too: the two sides of a vfork. */
void sched_become(struct thread *t);
/* Leaves for ever. The thread is in no queue. */
noreturn void sched_exit(void);
/* The same for one of several threads: its env and the others go on. */
noreturn void sched_leave(void);
/* Bounded due work of the session: completions, packets, timers, console input. Any thread may call it, with no lock held. */
void due_work(void);
/* The housekeeper's life once everything is up. */
noreturn void housekeeper_loop(void);
void sched_init(struct thread *housekeeper);

/* What the scheduler knows of one CPU. */
struct sched_cpu {
    struct thread *running, *home;      /* these and the next: futex.asm */
    uint64_t since_tsc;         /* when `running` got the CPU */
    unsigned given_back;        /* how often in a row the home had the CPU in place of `running`, and gave it back */
};
_Static_assert(offsetof(struct sched_cpu, running) == 0 && offsetof(struct sched_cpu, since_tsc) == 16, "futex.asm");
/* Several CPUs (turn.c): the state of the one whose turn it is. */
extern struct sched_cpu sched;
/* The life of a CPU's home: it picks others, and idles. */
noreturn void sched_home(void);

/* Timers: session objects; timer_start moves one that is armed. */
void timer_start(struct timer *t, uint64_t deadline_ns, void (*fn)(struct timer *t));
void timer_stop(struct timer *t);
extern uint64_t timer_first_ns;         /* the first deadline; DEADLINE_NEVER */
extern uint64_t due_first_ns;           /* nothing is due before: neither timers nor what modules registered */
void timers_run(uint64_t now_ns);

/* Modules add what is to be polled as due work: fn returns its next deadline (monotonic ns). At bring-up. */
#define DUE_MAX 8
void due_register(uint64_t notify_bit, uint64_t (*fn)(void));

#endif
