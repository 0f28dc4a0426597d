/*
 * spawn.c: a new process from a file, without a fork: the parent finds out whether the file can be run and makes space and env, the child
 * loads itself.
 */
#include "exos/api.h"

#include "abi/linux.h"
#include "base/frames.h"
#include "base/mem.h"
#include "base/uio.h"
#include "fs/inode.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "start/session.h"
#include "thread/vectors.h"
#include "tty/job.h"
#include "vm/vm.h"

#define INIT_PID 1

static void
program_start(struct proc *p)
{
    struct exec *e = p->exec;
    int err;

    p->exec = NULL;
    err = exec_load(p, e);
    exec_free(e);
    if (err != 0)
        proc_exit(SIGSEGV);
    fs_base_set(0);
    vectors_reset();
}

noreturn void
process_start(struct proc *p)
{
    p->thread.go = false;
    p->env_parked = false;
    if (p->exec != NULL)
        program_start(p);
    else
        fork_start(p);
    if (p->thread.attention != 0)
        (void)signals_take(program_regs(), NULL);
    resume_program();
}

/* ---- in the parent ---- */

static void
inherit(struct proc *p, struct proc *parent, uint64_t flags)
{
    if (parent == NULL)
        return;
    proc_adopt(parent, p);
    if (flags & EXOS_SPAWN_NEWPGRP)
        proc_set_group(p, p->pid);
    for (int i = 0; i < SIG_MAX; i++)
        if (parent->actions[i].handler == SIG_IGN)
            p->actions[i].handler = SIG_IGN;
    p->execed = true;
}

static int
prepare(struct proc *p, struct proc *parent, const struct spawn_request *rq)
{
    inherit(p, parent, rq->flags);
    p->fs = fs_context_spawn(parent != NULL ? parent->fs : NULL, rq->fds, rq->fd_count, rq->fds == NULL);
    if (p->fs == NULL)
        return rq->fds != NULL ? -EBADF : -ENOMEM;
    return space_build(p);
}

/* A child of pid 1, which has no terminal, gets a session of its own with the console as a login would give it. */
static void
to_foreground(struct proc *p, const struct proc *parent)
{
    if (p->ctty == NULL && parent != NULL && parent->pid == INIT_PID) {
        proc_set_session(p, p->pid);
        tty_give(&console_tty, p);
    } else if (p->ctty != NULL) {
        p->ctty->pgid = p->pgid;
    }
}

static long
start(struct proc *p, const struct proc *parent, const struct spawn_request *rq)
{
    if (rq->flags & EXOS_SPAWN_FOREGROUND)
        to_foreground(p, parent);
    p->exec = rq->exec;
    p->state = PROC_RUNNABLE;
    thread_ready(&p->thread);
    return p->pid;
}

long
proc_spawn(struct proc *parent, const struct spawn_request *rq)
{
    struct proc *p;
    int err = exec_find(rq->exec);

    if (err == 0)
        err = exec_open(rq->exec);
    if (err == 0 && (p = proc_alloc()) == NULL)
        err = -EAGAIN;
    if (err != 0) {
        exec_free(rq->exec);
        return err;
    }
    err = prepare(p, parent, rq);
    if (err == 0)
        return start(p, parent, rq);
    if (p->fs != NULL)
        fs_context_destroy(p->fs);
    proc_free(p);
    exec_free(rq->exec);
    return err;
}

static int
exec_from_user(struct exec *e, const struct exos_spawn *u)
{
    ssize n = user_string_in(e->path, (uva_t)u->path, sizeof(e->path));
    int err;

    if (n < 0)
        return (int)n;
    exec_name(e);
    err = args_add_vector(&e->args, (uva_t)u->argv, &e->args.argc);
    return err == 0 ? args_add_vector(&e->args, (uva_t)u->envp, &e->args.envc) : err;
}

LX(exos_spawn)
{
    struct spawn_request rq = { .exec = NULL };
    struct exos_fdmap fds[EXOS_SPAWN_FDMAP_MAX];
    struct exos_spawn u;
    int err;

    if (user_copy_in(&u, args->a[0], sizeof(u)) != 0)
        return -EFAULT;
    if (u.size != sizeof(u) || u.fd_count > EXOS_SPAWN_FDMAP_MAX || (u.flags & ~(uint64_t)(EXOS_SPAWN_NEWPGRP | EXOS_SPAWN_FOREGROUND)))
        return -EINVAL;
    if (u.fds != NULL && user_copy_in(fds, (uva_t)u.fds, u.fd_count * sizeof(*fds)) != 0)
        return -EFAULT;
    rq.fds = u.fds != NULL ? fds : NULL;
    rq.fd_count = u.fd_count;
    rq.flags = u.flags;
    rq.exec = exec_new();
    if (rq.exec == NULL)
        return -ENOMEM;
    err = exec_from_user(rq.exec, &u);
    if (err == 0)
        return proc_spawn(proc_current(), &rq);
    exec_free(rq.exec);
    return err;
}
