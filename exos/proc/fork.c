/*
 * fork.c: a process becomes two: fork(2), vfork(2), and clone(2) in the forms that make a process.
 *
 * Holds:    the child of a fork gets a space of its own with the parent's memory (vm/fork.c), the parent's registers at the top of an empty
 *           library stack, and its vector registers; it begins in fork_start(). Whatever the parent held in the library does not exist there.
 * Not here: the child that runs in its parent's space (vfork.c).
 */
#include "base/mem.h"
#include "base/uio.h"
#include "proc/internal.h"
#include "proc/pidfd.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "thread/vectors.h"
#include "vm/vm.h"

#define CLONE_KNOWN (CSIGNAL | CLONE_VM | CLONE_FILES | CLONE_PIDFD | CLONE_VFORK | CLONE_PARENT | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
                     CLONE_DETACHED | CLONE_UNTRACED | CLONE_CHILD_SETTID)

/* What the child does first, in its own space. */
struct clone_start {
    uint64_t fs_base;
    uint64_t set_tid;           /* where its id goes; 0: nowhere */
};

/* ---- what the child has of its parent ---- */

static void
scheduling_reset(struct proc *p)
{
    p->nice = p->traits.policy != 0 ? 0 : MAX(p->nice, 0);
    p->traits.policy = p->traits.priority = 0;
    p->traits.reset_on_fork = false;
}

void
proc_adopt(struct proc *parent, struct proc *p)
{
    p->ppid = parent->pid;
    list_push_tail(&parent->children, &p->sibling);
    proc_set_session(p, parent->sid);
    proc_set_group(p, parent->pgid);
    p->ctty = parent->ctty;
    p->sig_ignored = parent->sig_ignored;
    p->thread.sig.blocked = signals_current()->blocked;
    p->thread.barred = thread_self()->barred;
    p->nice = parent->nice;
    p->traits = parent->traits;
    if (p->traits.reset_on_fork)
        scheduling_reset(p);
    memcpy(p->rlimit, parent->rlimit, sizeof(p->rlimit));
}

static void
copy_identity(struct proc *p, const struct proc *parent)
{
    memcpy(p->name, parent->name, sizeof(p->name));
    memcpy(p->cmdline, parent->cmdline, parent->cmdline_len);
    p->cmdline_len = parent->cmdline_len;
    memcpy(p->exe, parent->exe, sizeof(p->exe));
    memcpy(p->actions, parent->actions, SIG_MAX * sizeof(*p->actions));
    p->thread.sig.alt_stack_sp = signals_current()->alt_stack_sp;
    p->thread.sig.alt_stack_size = signals_current()->alt_stack_size;
    p->thread.sig.alt_stack_flags = signals_current()->alt_stack_flags;
    p->dumpable = parent->dumpable;
}

static int
check(const struct proc *parent, const struct clone_request *rq)
{
    if ((rq->flags & ~CLONE_KNOWN) || (rq->flags & CSIGNAL) > SIG_MAX)
        return -EINVAL;
    if ((rq->flags & CLONE_VM) && !(rq->flags & CLONE_VFORK))
        return -ENOSYS;         /* two processes at once in one space */
    if ((rq->flags & CLONE_SETTLS) && rq->tls >= USER_TOP)
        return -EPERM;
    return proc_room_for_task(parent);
}

/* ---- fork ---- */

static void
registers_for(struct proc *p, const struct regs *r, const struct clone_request *rq)
{
    struct regs *child = space_regs(p);

    *child = *r;
    child->rax = 0;
    if (rq->stack != 0)
        child->rsp = rq->stack;
    vectors_save(space_vectors(p));
}

static int
fork_space(struct proc *p, const struct regs *r, const struct clone_request *rq)
{
    int err;

    p->start = heap_alloc(sizeof(*p->start));
    if (p->start == NULL)
        return -ENOMEM;
    p->start->fs_base = rq->flags & CLONE_SETTLS ? rq->tls : fs_base_get();
    p->start->set_tid = rq->flags & CLONE_CHILD_SETTID ? rq->child_tid : 0;
    err = space_build(p);
    if (err != 0)
        return err;
    registers_for(p, r, rq);
    err = mm_fork(p->mm, p->space);
    if (err != 0) {
        mm_clear_remote(p->mm, p->space);
        space_tear_down(p);
    }
    return err;
}

static void
tell_tid(const struct proc *p, const struct clone_request *rq)
{
    if ((rq->flags & CLONE_PARENT_SETTID) && user_copy_out(rq->parent_tid, &p->pid, sizeof(p->pid)) != 0)
        log_print("pid %u: the address for the id of its child is bad", p->ppid);
}

static void
give_up(struct proc *p)
{
    if (p->fs != NULL)
        fs_context_destroy(p->fs);
    proc_free(p);
}

long
process_clone(struct proc *parent, struct regs *r, const struct clone_request *rq)
{
    bool shares = (rq->flags & CLONE_VM) != 0;
    struct proc *p, *real = parent;
    int err;

    if (rq->flags & CLONE_THREAD)
        return thread_clone(parent, r, rq);
    err = check(parent, rq);
    if (err != 0)
        return err;
    p = proc_alloc();
    if (p == NULL)
        return -EAGAIN;
    if ((rq->flags & CLONE_PARENT) && proc_find(parent->ppid) != NULL)
        real = proc_find(parent->ppid);
    proc_adopt(real, p);
    copy_identity(p, parent);
    p->exit_signal = rq->flags & CSIGNAL;
    if (rq->flags & CLONE_CHILD_CLEARTID)
        p->thread.clear_tid = rq->child_tid;
    p->fs = fs_context_fork(parent->fs, (rq->flags & CLONE_FILES) != 0);
    err = p->fs == NULL ? -ENOMEM : rq->flags & CLONE_PIDFD ? pidfd_give(p, rq->pidfd) : 0;
    if (err == 0)
        err = shares ? (int)vfork_begin(parent, p, r, rq) : fork_space(p, r, rq);
    if (err != 0) {
        give_up(p);
        return err;
    }
    tell_tid(p, rq);
    p->state = PROC_RUNNABLE;
    if (shares)
        return 0;               /* this is the child now */
    thread_ready(&p->thread);
    return p->pid;
}

void
fork_start(struct proc *p)
{
    struct clone_start s = *p->start;

    heap_free(p->start);
    p->start = NULL;
    fs_base_set(s.fs_base);
    vectors_restore(MM_VECTORS);
    if (s.set_tid != 0 && user_copy_out(s.set_tid, &p->pid, sizeof(p->pid)) != 0)
        log_print("pid %u: the address for its own id is bad", p->pid);
}
