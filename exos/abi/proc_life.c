/*
 * proc_life.c: ends and waits: exit(2), wait4(2), waitid(2), and the power switch.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "exos/api.h"
#include "fs/file.h"
#include "ipc/ipc.h"
#include "proc/internal.h"
#include "proc/pidfd.h"
#include "proc/signal.h"
#include "start/housekeeper.h"

#define INIT_PID 1
#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define P_PIDFD 3
#define RUSAGE_BYTES 144
#define CLD_DUMPED 3

LX(exit)
{
    thread_exit((int)(args->a[0] & 0xff) << 8);
}

LX(exit_group)
{
    proc_exit((int)(args->a[0] & 0xff) << 8);
}

static int
put_rusage(uva_t to, uint64_t cpu_ns)
{
    int64_t ru[RUSAGE_BYTES / 8] = { (int64_t)(cpu_ns / NSEC_PER_SEC), (int64_t)(cpu_ns % NSEC_PER_SEC / 1000) };

    return to == 0 ? 0 : user_copy_out(to, ru, sizeof(ru));
}

LX(wait4)
{
    uint32_t options = (uint32_t)args->a[2];
    struct wait_result r;
    long ret;

    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | 0xe0000000u))
        return -EINVAL;
    if ((int32_t)args->a[0] == INT32_MIN)
        return -ESRCH;          /* there is no group of that number */
    ret = proc_wait((int32_t)args->a[0], options | WEXITED, &r);
    if (ret <= 0)
        return ret;
    if (args->a[1] != 0 && user_copy_out(args->a[1], &r.status, sizeof(r.status)) != 0)
        return -EFAULT;
    return put_rusage(args->a[3], r.cpu_ns) == 0 ? ret : -EFAULT;
}

static void
describe(const struct wait_result *r, int32_t *info)
{
    int how = r->status & 0x7f;

    info[0] = SIGCHLD;
    info[4] = (int32_t)r->pid;
    if (r->status == 0xffff) {
        info[2] = CLD_CONTINUED;
        info[6] = SIGCONT;
    } else if (how == 0x7f) {
        info[2] = CLD_STOPPED;
        info[6] = r->status >> 8 & 0xff;
    } else {
        info[2] = how == 0 ? CLD_EXITED : r->status & 0x80 ? CLD_DUMPED : CLD_KILLED;
        info[6] = how == 0 ? r->status >> 8 & 0xff : how;
    }
}

/* Whom a pidfd stands for; one that is not to wait adds WNOHANG. */
static int
pid_of_file(uint64_t fd, int64_t *pid, uint32_t *options)
{
    struct file *f = fd_get((int)fd);
    const struct proc *p;
    int err = 0;

    if (f == NULL)
        return -EBADF;
    p = file_is_pidfd(f) ? pidfd_proc(f) : NULL;
    if (!file_is_pidfd(f))
        err = -EINVAL;
    else if (p == NULL)
        err = -ECHILD;
    else
        *pid = p->pid;
    if (FILE_NONBLOCK(f))
        *options |= WNOHANG;
    file_put(f);
    return err;
}

/* What waitid(2) waits for, as proc_wait() takes it. */
static int
whom(uint64_t kind, uint64_t id, int64_t *pid, uint32_t *options)
{
    switch (kind) {
    case P_ALL:
        *pid = -1;
        return 0;
    case P_PID:
        *pid = (int32_t)id;
        return *pid <= 0 ? -EINVAL : 0;
    case P_PGID:
        *pid = id == 0 ? 0 : -(int64_t)(int32_t)id;
        return (int32_t)id < 0 ? -EINVAL : 0;
    case P_PIDFD:
        return pid_of_file(id, pid, options);
    default:
        return -EINVAL;
    }
}

LX(waitid)
{
    uint32_t options = (uint32_t)args->a[3], asked = options;
    int32_t info[32] = { 0 };
    struct wait_result r;
    int64_t pid;
    long ret;

    if (!(options & (WEXITED | WUNTRACED | WCONTINUED)) || (options & ~(WNOHANG | WEXITED | WUNTRACED | WCONTINUED | WNOWAIT | 0xe0000000u)))
        return -EINVAL;
    ret = whom(args->a[0], args->a[1], &pid, &options);
    if (ret != 0)
        return ret;
    ret = proc_wait(pid, options, &r);
    if (ret == 0 && options != asked)
        return -EAGAIN;
    if (ret < 0)
        return ret;
    if (ret > 0)
        describe(&r, info);
    if (args->a[2] != 0 && user_copy_out(args->a[2], info, sizeof(info)) != 0)
        return -EFAULT;
    return ret > 0 && put_rusage(args->a[4], r.cpu_ns) != 0 ? -EFAULT : 0;
}

LX(pidfd_open)
{
    uint32_t flags = (uint32_t)args->a[1];
    const struct proc *p = proc_find((uint32_t)args->a[0]);
    struct file *f;
    int fd, err;

    if ((int32_t)args->a[0] <= 0 || (flags & ~IPC_O_NONBLOCK))
        return -EINVAL;
    if (p == NULL || p->state == PROC_STARTING)
        return -ESRCH;
    if (p->pid != (uint32_t)args->a[0])
        return -EINVAL;         /* of a thread */
    f = pidfd_create(p, flags);
    if (f == NULL)
        return -ENOMEM;
    err = ipc_install(&f, &fd, 1, true);
    return err != 0 ? err : fd;
}

/* The machine goes off by the housekeeper's hand, when pid 1 has given its files back too. */
LX(exos_power)
{
    if (proc_current()->pid != INIT_PID)
        return -EPERM;
    if (args->a[0] > EXOS_POWER_DEBUG_EXIT)
        return -EINVAL;
    housekeeper_power((uint32_t)args->a[0], (uint32_t)args->a[1]);
    proc_exit(0);
}

/* reboot(2): pid 1's way to the same. */
LX(reboot)
{
    struct lx_args power = { { 0 } };

    if (proc_current()->pid != INIT_PID)
        return -EPERM;
    if ((uint32_t)args->a[0] != 0xfee1dead)
        return -EINVAL;
    switch ((uint32_t)args->a[2]) {
    case 0x01234567: power.a[0] = EXOS_POWER_RESET; break;
    case 0x4321fedc:
    case 0xcdef0123: power.a[0] = EXOS_POWER_OFF; break;
    case 0: case 0x89abcdef: return 0;
    default: return -EINVAL;
    }
    return lx_exos_power(&power);
}
