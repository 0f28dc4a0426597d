/*
 * proc_fork.c: fork(2), vfork(2) and clone(2). A handler does not have the registers that C preserves: the call is only noted here and is
 * done on its way out, where all registers are at hand.
 */
#include "abi/linux.h"
#include "proc/internal.h"
#include "start/upcall.h"

#define CLONE_VM 0x100u
#define CLONE_VFORK 0x4000u
#define SIGCHLD_K 17u
#define LX_clone 56
#define LX_vfork 58

static long
note(void)
{
    proc_current()->fork_wanted = true;
    proc_current()->thread.attention = 1;
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

long
fork_wanted_now(struct regs *r, const struct lx_args *args)
{
    struct proc *p = proc_current();
    struct clone_request rq = { .flags = SIGCHLD_K };

    p->fork_wanted = false;
    if (r->orig_rax == LX_vfork)
        rq.flags |= CLONE_VM | CLONE_VFORK;
    if (r->orig_rax == LX_clone)
        rq = (struct clone_request){ args->a[0], args->a[1], args->a[2], args->a[3], args->a[4] };
    return process_clone(p, r, &rq);
}
