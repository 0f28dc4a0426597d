/*
 * exit.c: how a process ends, who hears of it, and what remains until then.
 *
 * A process gives back its files and memory itself. Its space and env are taken apart by the parent that waits for it, or by the
 * housekeeper, since nobody can do that from inside; its slot goes when that is done and somebody has waited for it, or nobody will.
 */
#include "base/frames.h"
#include "base/mem.h"
#include "exos/api.h"
#include "ipc/sysv.h"
#include "proc/group.h"
#include "proc/internal.h"
#include "proc/pidfd.h"
#include "proc/signal.h"
#include "start/housekeeper.h"
#include "start/session.h"
#include "thread/futex.h"
#include "tty/job.h"
#include "vm/vm.h"

#define INIT_PID 1

static struct list zombies = { &zombies, &zombies };

void
proc_release(struct proc *p)
{
    if (p->reaped && p->space_gone)
        proc_free(p);
}

bool
zombies_waiting(void)
{
    return !list_empty(&zombies);
}

static void
space_take_away(struct proc *p)
{
    list_remove(&p->reap_link);
    space_tear_down(p);
    p->space_gone = true;
}

void
reap_zombies(void)
{
    while (zombies_waiting()) {
        struct proc *p = container_of(zombies.next, struct proc, reap_link);

        space_take_away(p);
        proc_release(p);
    }
}

static void
wake_parent(struct proc *parent, struct proc *child, int code, int status)
{
    struct siginfo_brief info = { .code = code, .pid = child->pid, .uid = child->uid, .status = status };

    if (child->exit_signal != 0)
        (void)proc_signal_info(parent, (int)child->exit_signal, &info);
    wake_all(&parent->child_exit);
}

static void
tell_parent(struct proc *p)
{
    struct proc *parent = proc_find(p->ppid);
    bool killed = (p->exit_status & 0x7f) != 0;

    if (p->reaped)
        return;
    if (parent == NULL || parent->state == PROC_ZOMBIE) {
        p->reaped = true;
        return;
    }
    if (p->exit_signal == SIGCHLD &&
        (parent->actions[SIGCHLD - 1].handler == SIG_IGN || (parent->actions[SIGCHLD - 1].flags & SA_NOCLDWAIT)))
        p->reaped = true;
    wake_parent(parent, p, killed ? CLD_KILLED : CLD_EXITED, killed ? p->exit_status & 0x7f : p->exit_status >> 8);
}

void
proc_tell_job(struct proc *p, int code, int sig)
{
    struct proc *parent = proc_find(p->ppid);

    if (parent == NULL || parent->state == PROC_ZOMBIE)
        return;
    if (!(parent->actions[SIGCHLD - 1].flags & SA_NOCLDSTOP))
        wake_parent(parent, p, code, sig);
    else
        wake_all(&parent->child_exit);
}

/* Who gets the children of the dead: the next of its ancestors that asked for them, or pid 1. */
static struct proc *
new_parent(const struct proc *p)
{
    struct proc *a = proc_find(p->ppid);

    while (a != NULL && a->pid != INIT_PID && !(a->subreaper && a->state != PROC_ZOMBIE))
        a = proc_find(a->ppid);
    return a != NULL ? a : proc_find(INIT_PID);
}

static void
orphans(struct proc *p)
{
    struct proc *init = new_parent(p);
    bool wake = false;

    list_for_safe(pos, next, &p->children) {
        struct proc *c = container_of(pos, struct proc, sibling);

        list_remove(&c->sibling);
        if (init != NULL && init != p)
            list_push_tail(&init->children, &c->sibling);
        c->ppid = init != NULL ? init->pid : INIT_PID;
        c->exit_signal = SIGCHLD;
        if (c->pdeathsig != 0)
            (void)proc_signal(c, (int)c->pdeathsig);
        wake |= c->state == PROC_ZOMBIE;
    }
    if (wake && init != NULL)
        wake_all(&init->child_exit);
}

/* The parent sleeps in wait: it takes the space apart as soon as it looks. */
static bool
parent_waits(const struct proc *p)
{
    const struct proc *parent = proc_find(p->ppid);

    return !p->reaped && parent != NULL && parent->waiting;
}

/* The last steps of every end, also of one whose env is lost. Not yet in the list of zombies. */
static void
become_zombie(struct proc *p)
{
    p->state = PROC_ZOMBIE;
    p->cmdline_len = 0;
    timers_end(p);
    sigqueue_drop(&p->sig_pending, UINT64_MAX, &p->sig_queued);
    sigqueue_drop(&p->thread.sig.pending, UINT64_MAX, &p->sig_queued);
    if (p->sid == p->pid)
        tty_leave(p, true);
    group_left(p);
    timer_stop(&p->kill_timer);
    orphans(p);
    tell_parent(p);
    pidfd_ended();
    if (p->vfork != NULL) {
        p->mm = NULL;           /* the parent's, as its space is: there is nothing to take apart */
        p->space = p->env = 0;
        p->space_gone = true;
        return;
    }
    list_push_tail(&zombies, &p->reap_link);
    if (!parent_waits(p))
        housekeeper_kick();
}

static void
init_ended(const struct proc *p)
{
    if (p->pid != INIT_PID || session_going_down())
        return;
    log_print("pid 1 (%s) ended with wait status %x: the session has nothing left to do", p->name, (unsigned)p->exit_status);
    housekeeper_power(EXOS_POWER_DEBUG_EXIT, INIT_ENDED_CODE);
}

static void
files_release(struct proc *p)
{
    if (p->fs == NULL)
        return;
    p->uid = p->fs->ruid;
    fs_context_destroy(p->fs);
    p->fs = NULL;
}

noreturn void
proc_exit(int status)
{
    struct proc *p = proc_current();

    threads_end_others(p);
    futex_farewell(thread_self());
    sem_exit(p);
    p->exit_status = status;
    p->kill_requested = true;
    files_release(p);
    if (p->vfork == NULL)
        mm_clear(p->mm);
    become_zombie(p);
    if (p->vfork != NULL)
        vfork_end(p);
    init_ended(p);
    p->env_parked = p->seats == NULL;       /* others have their stacks in the space: it is not used again */
    sched_exit();
}

/* The env was borrowed: its owner is lost too. */
static void
lost_with_parent(struct proc *p)
{
    struct proc *parent = p->vfork->parent;
    struct thread *caller = p->vfork->thread;

    *caller->holder = caller;
    heap_free(p->vfork);
    p->vfork = NULL;
    proc_release(p);
    proc_env_lost(parent);
}

void
proc_end_from_outside(struct proc *p)
{
    p->exit_status = SIGKILL;
    p->env_parked = false;
    list_for_safe(pos, next, &p->threads)
        thread_drop(container_of(pos, struct thread, proc_link));
    exec_free(p->exec);
    p->exec = NULL;
    heap_free(p->start);
    p->start = NULL;
    sem_exit(p);
    files_release(p);
    if (p->vfork == NULL)
        mm_clear_remote(p->mm, p->space);
    become_zombie(p);
    init_ended(p);
    if (p->vfork != NULL)
        lost_with_parent(p);
}

/* ---- waiting ---- */

static bool
matches(const struct proc *self, const struct proc *c, int64_t pid)
{
    if (c->reaped || c->state == PROC_STARTING)
        return false;
    if (pid > 0)
        return c->pid == (uint64_t)pid;
    if (pid == -1)
        return true;
    return c->pgid == (pid == 0 ? self->pgid : (uint64_t)-pid);
}

static bool
has_news(struct proc *c, uint32_t options, struct wait_result *out)
{
    *out = (struct wait_result){ .pid = c->pid, .status = c->exit_status, .cpu_ns = proc_cpu_ns(c) + c->children_cpu_ns };
    if (c->state == PROC_ZOMBIE)
        return (options & WEXITED) != 0;
    if (c->stopped && !c->stop_reported && (options & WUNTRACED)) {
        c->stop_reported = (options & WNOWAIT) == 0;
        out->status = c->stop_sig << 8 | 0x7f;
        return true;
    }
    if (c->continued && (options & WCONTINUED)) {
        c->continued = (options & WNOWAIT) != 0;
        out->status = 0xffff;
        return true;
    }
    return false;
}

long
proc_wait(int64_t pid, uint32_t options, struct wait_result *out)
{
    struct proc *self = proc_current();
    int err = 0;

    for (;;) {
        bool any = false;

        list_for_safe(pos, next, &self->children) {
            struct proc *c = container_of(pos, struct proc, sibling);

            if (!matches(self, c, pid))
                continue;
            any = true;
            if (!has_news(c, options, out))
                continue;
            if (c->state == PROC_ZOMBIE && !(options & WNOWAIT)) {
                self->children_cpu_ns += out->cpu_ns;
                c->reaped = true;
                if (!c->space_gone)
                    space_take_away(c);
                proc_release(c);
            }
            return out->pid;
        }
        if (!any)
            return -ECHILD;
        if ((options & WNOHANG) || err != 0)
            return err;                 /* a signal ends the wait only if there is no news: it may be of the news */
        if (zombies_waiting())
            housekeeper_kick();         /* those that this wait is not for */
        self->waiting++;
        err = wait_sleep(&self->child_exit, NULL, DEADLINE_NEVER, WAIT_INTR);
        self->waiting--;
    }
}
