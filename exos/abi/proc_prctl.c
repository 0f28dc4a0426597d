/* proc_prctl.c: prctl(2) and personality(2): what a process says of itself and of its children. */
#include "abi/linux.h"
#include "base/uio.h"
#include "proc/caps.h"
#include "proc/proc.h"

/* Linux include/uapi/linux/prctl.h */
enum {
    PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS = 8,
    PR_GET_TIMING = 13, PR_SET_TIMING = 14, PR_SET_NAME = 15, PR_GET_NAME = 16, PR_GET_SECCOMP = 21, PR_CAPBSET_READ = 23,
    PR_CAPBSET_DROP = 24, PR_GET_TSC = 25, PR_SET_TSC = 26, PR_GET_SECUREBITS = 27, PR_SET_TIMERSLACK = 29, PR_GET_TIMERSLACK = 30,
    PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37, PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39,
    PR_GET_TID_ADDRESS = 40, PR_CAP_AMBIENT = 47,
};
enum { AMBIENT_IS_SET = 1, AMBIENT_RAISE, AMBIENT_LOWER, AMBIENT_CLEAR_ALL };
#define TSC_ENABLED 1
#define NAME_BYTES 16

/* A process is known by its first thread's name. */
static char *
own_name(void)
{
    struct thread *t = thread_self();

    return t == &t->proc->thread || t->name[0] == '\0' ? t->proc->name : t->name;
}

static long
set_own_name(uva_t from)
{
    struct thread *t = thread_self();
    char name[NAME_BYTES];
    ssize n = user_string_in(name, from, sizeof(name));

    if (n == -EFAULT)
        return -EFAULT;
    name[NAME_BYTES - 1] = '\0';
    memcpy(t == &t->proc->thread ? t->proc->name : t->name, name, sizeof(name));
    return 0;
}

static long
put_int(uva_t to, int32_t value)
{
    return user_copy_out(to, &value, sizeof(value)) == 0 ? 0 : -EFAULT;
}

/* The arguments behind the first `used` have to be 0. */
static bool
rest_is_zero(const struct lx_args *args, unsigned used)
{
    for (unsigned i = used; i < 5; i++)
        if (args->a[i] != 0)
            return false;
    return true;
}

/* ---- capabilities ---- */

static long
keep_caps(struct proc *p, uint64_t keep)
{
    struct caps c;

    if (keep > 1)
        return -EINVAL;
    caps_of(p, &c);
    p->traits.caps.keep = keep != 0;
    p->traits.caps.kept = keep != 0 && c.permitted != 0;
    return 0;
}

static long
bounding(struct proc *p, uint64_t cap, bool drop)
{
    struct caps c;

    if (cap > CAP_LAST)
        return -EINVAL;
    caps_of(p, &c);
    if (!drop)
        return (long)(c.bounding >> cap & 1);
    if (c.effective == 0)
        return -EPERM;
    p->traits.caps.bounding_gone |= 1ull << cap;
    return 0;
}

/* There are none: nobody has them but by his user id. */
static long
ambient(const struct lx_args *args)
{
    if (args->a[1] == AMBIENT_CLEAR_ALL)
        return rest_is_zero(args, 2) ? 0 : -EINVAL;
    if (args->a[1] < AMBIENT_IS_SET || args->a[1] > AMBIENT_LOWER || args->a[2] > CAP_LAST || !rest_is_zero(args, 3))
        return -EINVAL;
    return args->a[1] == AMBIENT_RAISE ? -EPERM : 0;
}

static long
prctl_caps(struct proc *p, const struct lx_args *args)
{
    switch ((int)args->a[0]) {
    case PR_GET_KEEPCAPS:
        return p->traits.caps.keep;
    case PR_SET_KEEPCAPS:
        return keep_caps(p, args->a[1]);
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
        return bounding(p, args->a[1], (int)args->a[0] == PR_CAPBSET_DROP);
    case PR_CAP_AMBIENT:
        return ambient(args);
    case PR_GET_SECUREBITS:
    case PR_GET_SECCOMP:
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- ---- */

static long
no_new_privileges(struct proc *p, const struct lx_args *args)
{
    if (args->a[1] != 1 || !rest_is_zero(args, 2))
        return -EINVAL;
    p->traits.no_new_privs = true;
    return 0;
}

static long
set_death_signal(struct proc *p, uint64_t sig)
{
    if (sig > SIG_MAX)
        return -EINVAL;
    p->pdeathsig = (uint32_t)sig;
    return 0;
}

static long
set_dumpable(struct proc *p, uint64_t how)
{
    if (how > 1)
        return -EINVAL;
    p->dumpable = (int)how;
    return 0;
}

/* What says how things are, and cannot be otherwise. */
static long
prctl_fixed(const struct lx_args *args)
{
    uint64_t address = thread_self()->clear_tid;

    switch ((int)args->a[0]) {
    case PR_GET_TIMING:
        return 0;
    case PR_SET_TIMING:
        return args->a[1] == 0 ? 0 : -EINVAL;
    case PR_GET_TSC:
        return put_int(args->a[1], TSC_ENABLED);
    case PR_SET_TSC:
        return args->a[1] == TSC_ENABLED ? 0 : -EINVAL;
    case PR_GET_TID_ADDRESS:
        return user_copy_out(args->a[1], &address, sizeof(address)) == 0 ? 0 : -EFAULT;
    default:
        return -EINVAL;
    }
}

static long
prctl_process(struct proc *p, const struct lx_args *args)
{
    switch ((int)args->a[0]) {
    case PR_SET_CHILD_SUBREAPER:
        p->subreaper = args->a[1] != 0;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return put_int(args->a[1], p->subreaper);
    case PR_SET_NO_NEW_PRIVS:
        return no_new_privileges(p, args);
    case PR_GET_NO_NEW_PRIVS:
        return rest_is_zero(args, 1) ? p->traits.no_new_privs : -EINVAL;
    case PR_GET_TIMERSLACK:
        return (long)p->traits.timer_slack_ns;
    case PR_SET_TIMERSLACK:     /* no timer is late by choice */
        p->traits.timer_slack_ns = args->a[1] != 0 ? args->a[1] : TIMER_SLACK_NS;
        return 0;
    default:
        return prctl_fixed(args);
    }
}

LX(prctl)
{
    struct proc *p = proc_current();
    long r;

    switch ((int)args->a[0]) {
    case PR_SET_NAME:
        return set_own_name(args->a[1]);
    case PR_GET_NAME:
        return user_copy_out(args->a[1], own_name(), NAME_BYTES) == 0 ? 0 : -EFAULT;
    case PR_SET_PDEATHSIG:
        return set_death_signal(p, args->a[1]);
    case PR_GET_PDEATHSIG:
        return put_int(args->a[1], (int32_t)p->pdeathsig);
    case PR_GET_DUMPABLE:
        return p->dumpable;
    case PR_SET_DUMPABLE:
        return set_dumpable(p, args->a[1]);
    default:
        r = prctl_caps(p, args);
        return r != -EINVAL ? r : prctl_process(p, args);
    }
}

/* Remembered and inherited; only PER_LINUX does something. */
LX(personality)
{
    struct proc *p = proc_current();
    uint32_t old = p->traits.personality;

    if ((uint32_t)args->a[0] != UINT32_MAX)
        p->traits.personality = (uint32_t)args->a[0];
    return old;
}
