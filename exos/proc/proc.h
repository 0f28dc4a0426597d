/*
 * proc.h: processes: a pid, its place in the family, its signals, its file context. Session objects.
 */
#ifndef EXOS_PROC_PROC_H
#define EXOS_PROC_PROC_H

#include "base/base.h"
#include "base/list.h"
#include "base/wait.h"
#include "proc/caps.h"
#include "proc/timers.h"
#include "thread/thread.h"

struct fs_context;
struct mm;
struct sigaction_k;
struct exec;
struct tty;
struct vfork;
struct seats;
struct envs;
struct clone_start;

enum proc_state { PROC_FREE, PROC_STARTING, PROC_RUNNABLE, PROC_SLEEPING, PROC_ZOMBIE };

#define PROC_MAX 508            /* processes of one session: the spaces that Aegis has, but for root's, the housekeeper's and two more */
#define PID_MAX 32768
#define PROC_CMDLINE_MAX 1024
#define PROC_NAME_MAX 16
#define RLIMITS 16
#define PROC_SEGMENT_PAGES 11   /* mm_local, UENV, handler stack, eight of library stack */
#define PROC_NODES 5

#define TIMER_SLACK_NS 50000    /* what Linux says of ordinary threads */

/* What is only remembered of a process, and what a child has as its parent has it. */
struct proc_traits {
    struct caps_change caps;
    uint64_t timer_slack_ns;
    uint32_t personality;
    uint16_t io_priority;
    int16_t oom_score_adj;
    uint8_t policy, priority;   /* sched_setscheduler */
    bool reset_on_fork;         /* children have the usual ones */
    bool no_new_privs;          /* an exec makes it nobody else's (PR_SET_NO_NEW_PRIVS) */
};

struct proc {
    uint32_t pid;
    uint32_t ppid, pgid, sid;
    struct sig_queue sig_pending;       /* for whichever thread takes it; entry.inc */
    uint32_t sig_queued;        /* in its queue and its threads' */
    uint64_t serial;            /* no other process ever has it */
    enum proc_state state;
    char name[PROC_NAME_MAX];
    char cmdline[PROC_CMDLINE_MAX];     /* NUL-separated arguments */
    uint32_t cmdline_len;
    char exe[256];

    uint64_t env;               /* Aegis env id */
    uint64_t space;             /* Aegis space id */
    struct mm *mm;              /* session-side bookkeeping of the space */
    struct fs_context *fs;

    uint64_t sig_ignored;
    bool kill_requested;
    int exit_status;            /* as wait4 reports it */
    struct tty *ctty;           /* controlling terminal; NULL: none */
    uint32_t lost_group;        /* a session's leader whose terminal hung up: what was in its foreground */
    struct waitq child_exit;
    uint32_t waiting;           /* threads asleep in wait */
    uint64_t start_ns, cpu_ns;

    struct thread thread;       /* its first */
    struct list threads;        /* all that live, by proc_link */
    uint32_t thread_count;
    struct thread *holder;      /* who has its env */
    struct thread *ending;      /* who ends all others, for exec or exit_group */
    struct waitq thread_exit;   /* one has gone, or is to go */
    struct envs *envs;          /* where there are several CPUs: what more threads than one run on beside its own env (envs.c) */
    struct seats *seats;        /* what more threads than one need (threads.c); NULL: there never were any */
    struct sigaction_k *actions;        /* [SIG_MAX], what rt_sigaction recorded */
    struct clock_timer itimer[ITIMERS];     /* setitimer */
    struct list ptimers;        /* timer_create */
    uint32_t ptimer_count;
    int32_t ptimer_next;        /* id, if it is free */
    struct timer kill_timer;    /* kill.c: from SIGKILL on */
    bool kill_overdue, kill_waits_told;
    uint64_t children_cpu_ns;
    uint64_t fault_count;
    struct exec *exec;          /* what it starts with, until it has */
    bool execed;                /* since it was forked */
    void *segment_page[PROC_SEGMENT_PAGES];     /* session pages that are its process segment */
    uint64_t node[PROC_NODES];  /* frames: PML4, and PDPT, PD, PT of the process segment, save frame */
    int dumpable, nice;
    struct proc_traits traits;
    uint32_t pdeathsig;
    struct rlimit_k { uint64_t cur, max; } rlimit[RLIMITS];
    uint32_t cpu_told;          /* seconds of CPU time at the last look at RLIMIT_CPU */
    bool stopped, stop_reported, continued;
    bool subreaper;             /* orphans below it become its children (PR_SET_CHILD_SUBREAPER) */
    bool reaped;                /* nobody waits for it any more */
    bool env_parked;            /* its env waits in sched_exit() to be some process' again */
    bool space_gone;            /* its space has been taken apart: with `reaped`, the slot is free */
    int stop_sig;
    struct waitq stop_wq;
    struct list reap_link;      /* in the housekeeper's list, once a zombie */
    struct list children, sibling;      /* sibling: in the parent's list; unlinked for pid 1 */
    uint32_t uid;               /* whose it was, once it has ended */
    uint32_t exit_signal;       /* what the parent gets when it ends; 0: nothing */
    struct vfork *vfork;        /* it runs in its parent's space, on its parent's env, until it execs or ends */
    struct clone_start *start;  /* what the child of a fork does before it goes on */
    struct list sem_undos;      /* what its end does to System V semaphores */
    bool fork_wanted;           /* the call in hand is fork, vfork or clone: done once all registers are at hand */
};

_Static_assert(offsetof(struct proc, sig_pending) == 16, "entry.inc");

/* The process that is running this code. NULL in the housekeeper. */
#ifdef EXOS_HOST_TEST
struct proc *proc_current(void);
#else
static inline struct proc *
proc_current(void)
{
    const struct thread *t = thread_self();

    return t != NULL ? t->proc : NULL;
}
#endif
/* The signals of the thread that is running this code. Not in the housekeeper. */
static inline struct thread_signals *
signals_current(void)
{
#ifdef EXOS_HOST_TEST
    return &proc_current()->thread.sig;
#else
    return &thread_self()->sig;
#endif
}
/* By the id of any of its threads. */
struct proc *proc_find(uint32_t pid);
struct thread *thread_find(uint32_t tid);
/* CPU time of all threads, until now. */
uint64_t proc_cpu_ns(const struct proc *p);
void proc_set_group(struct proc *p, uint32_t pgid);
void proc_set_session(struct proc *p, uint32_t sid);    /* and a group of the same number */
/* Gives up what is kept of ended processes for the next ones. How many spaces that were. */
uint64_t shells_drop(void);
unsigned proc_places(void);             /* those from here on are free */
struct proc *proc_at(unsigned index);   /* slot of the table, or NULL when free: for /proc and census */

/* Sends a signal to a process / to every member of a group. 0 or -ESRCH. */
int proc_signal(struct proc *p, int sig);
int proc_signal_group(uint32_t pgid, int sig);

/* 0, or the number of a signal that the thread has to take now (not blocked, not ignored). */
int signal_due(const struct thread *t);
/* Calls fn for every live process; counts those for which it returned true. */
unsigned proc_each(bool (*fn)(struct proc *p, uint64_t arg), uint64_t arg);
unsigned proc_count(void);
/* One more process or thread would be more than RLIMIT_NPROC of p's user: -EAGAIN. */
int proc_room_for_task(const struct proc *p) MUST_USE;

/* SIGKILL was sent: it has a while to end by itself. */
void proc_kill_begin(struct proc *p);
/* For the scheduler: does its env still run, and what to do when it does not. */
bool proc_env_runs(const struct proc *p);
void proc_env_lost(struct proc *p);

/* Memory figures for /proc. */
struct mem_usage { uint64_t virt_pages, resident_pages, shared_pages; };
void proc_mem_usage(const struct proc *p, struct mem_usage *out);

#endif
