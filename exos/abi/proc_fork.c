/*
 * proc_fork.c: fork(2), vfork(2), clone(2) and clone3(2). A handler does not have the registers that C preserves: the call is only noted here and is
 * done on its way out, where all registers are at hand.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "proc/internal.h"
#include "start/upcall.h"

#define SIGCHLD_K 17u
#define LX_clone 56
#define LX_vfork 58
#define LX_clone3 435
#define CLONE3_BYTES_MIN 64

static long
note(void)
{
    proc_current()->fork_wanted = true;
    thread_self()->attention = 1;
    return 0;
}

LX(fork)
{
    (void)args;
    return note();
}

LX(vfork)
{
    (void)args;
    return note();
}

LX(clone)
{
    (void)args;
    return note();
}

LX(clone3)
{
    (void)args;
    return note();
}

/* struct clone_args (clone(2)). Chosen ids are not among what we do. */
static long
clone3_request(const struct lx_args *args, struct clone_request *rq)
{
    enum { FLAGS, PIDFD, CHILD_TID, PARENT_TID, EXIT_SIGNAL, STACK, STACK_SIZE, TLS, SET_TID, SET_TID_SIZE, CGROUP, WORDS };
    uint64_t w[WORDS] = { 0 }, size = args->a[1];

    if (size < CLONE3_BYTES_MIN)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (user_copy_in(w, args->a[0], MIN(size, sizeof(w))) != 0)
        return -EFAULT;
    if ((w[FLAGS] & CSIGNAL) || w[SET_TID] != 0 || w[SET_TID_SIZE] != 0 || (w[STACK] == 0) != (w[STACK_SIZE] == 0))
        return -EINVAL;
    *rq = (struct clone_request){ w[FLAGS] | w[EXIT_SIGNAL], w[STACK] + w[STACK_SIZE], w[PARENT_TID], w[CHILD_TID], w[TLS], w[PIDFD] };
    return w[EXIT_SIGNAL] > SIG_MAX ? -EINVAL : 0;
}

/* What one process shares with another is its table of descriptors alone; the rest is its own already, or its threads'. */
LX(unshare)
{
    struct proc *p = proc_current();
    uint64_t flags = args->a[0];

    if (flags & ~(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))
        return -EINVAL;
    if ((flags & ~CLONE_SYSVSEM) != 0 && p->thread_count > 1)
        return -EINVAL;
    return flags & CLONE_FILES ? fd_table_unshare() : 0;
}

long
fork_wanted_now(struct regs *r, const struct lx_args *args)
{
    struct proc *p = proc_current();
    struct clone_request rq = { .flags = SIGCHLD_K };
    long err;

    p->fork_wanted = false;
    if (r->orig_rax == LX_vfork)
        rq.flags |= CLONE_VM | CLONE_VFORK;
    if (r->orig_rax == LX_clone)
        rq = (struct clone_request){ args->a[0], args->a[1], args->a[2], args->a[3], args->a[4], args->a[2] };
    if (r->orig_rax == LX_clone && (rq.flags & CLONE_PIDFD) && (rq.flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)))
        return -EINVAL;
    if (r->orig_rax == LX_clone3 && (err = clone3_request(args, &rq)) != 0)
        return err;
    return process_clone(p, r, &rq);
}
