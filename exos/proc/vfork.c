/*
 * vfork.c: the child that runs in its parent's space: vfork(2), and what posix_spawn(3) does by clone(2).
 *
 * Holds:    the child is a process, but no env of its own: it borrows the parent's, library stack and all, while the parent's registers wait
 *           in struct vfork. It ends by giving the env back: when it has exec'd into a space of its own, or when it is gone.
 */
#include "aegis/info.h"
#include "base/mem.h"
#include "base/uio.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "vm/vm.h"

long
vfork_begin(struct proc *parent, struct proc *p, struct regs *r, const struct clone_request *rq)
{
    struct vfork *v = heap_alloc(sizeof(*v));
    struct thread *self = thread_self();

    if (v == NULL)
        return -ENOMEM;
    v->parent = parent;
    v->thread = self;
    v->regs = *r;
    v->fs_base = fs_base_get();
    p->vfork = v;
    p->mm = parent->mm;
    p->space = parent->space;
    p->env = parent->env;
    thread_init(&p->thread, p, self->env, self->uenv, self->holder);
    p->thread.tid = p->pid;
    p->thread.stack_top = self->stack_top;
    p->thread.vectors = self->vectors;
    if (rq->stack != 0)
        r->rsp = rq->stack;
    parent->state = PROC_SLEEPING;
    sched_become(&p->thread);
    return 0;
}

/* The env is the parent's, whose call has given `result`. */
static noreturn void
parent_goes_on(struct vfork *v, uint64_t result)
{
    struct proc *parent = v->parent;
    struct regs *r = program_regs();

    *r = v->regs;
    r->rax = result;
    fs_base_set(v->fs_base);
    heap_free(v);
    parent->state = PROC_RUNNABLE;
    if (thread_self()->attention != 0)
        (void)signals_take(r, NULL);
    resume_program();
}

noreturn void
vfork_end(struct proc *p)
{
    struct vfork *v = p->vfork;
    uint32_t pid = p->pid;

    p->vfork = NULL;
    sched_become(v->thread);
    proc_release(p);
    parent_goes_on(v, pid);
}

/* Space, env and thread of a process. */
struct place {
    struct mm *mm;
    uint64_t space, env;
    struct thread thread;
};

static struct place
place_swap(struct proc *p, const struct place *now)
{
    struct place was = { p->mm, p->space, p->env, p->thread };

    p->mm = now->mm;
    p->space = now->space;
    p->env = now->env;
    p->thread = now->thread;
    return was;
}

/* What may sleep is done where the child has been so far; then it moves. */
int
vfork_exec(struct proc *p, struct exec *e)
{
    struct vfork *v = p->vfork;
    struct place here = { p->mm, p->space, p->env, p->thread }, new;
    int err;

    err = space_build(p);
    new = place_swap(p, &here);
    if (err != 0)
        return err;
    exec_attributes(p);
    here = place_swap(p, &new);
    p->vfork = NULL;
    p->exec = e;
    p->thread.run_ticks = here.thread.run_ticks;
    p->thread.attention = here.thread.attention;
    p->thread.sig = here.thread.sig;
    p->thread.barred = here.thread.barred;
    p->thread.clear_tid = 0;
    sched_become(v->thread);
    thread_ready(&p->thread);
    parent_goes_on(v, p->pid);
}
