/*
 * signalfd.c: signals read from a file (signalfd(2)): those that the reader has pending, its thread's and its process'.
 *
 * Holds:    a set of signals. Whoever waits is woken by every signal that is sent to anybody, and looks.
 */
#include "base/mem.h"
#include "ipc/ipc.h"
#include "proc/signal.h"

/* Linux uapi/linux/signalfd.h */
struct signalfd_siginfo {
    uint32_t signo;
    int32_t err, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trapno;
    int32_t status, integer;
    uint64_t pointer, utime, stime, addr;
    uint8_t rest[48];
};
_Static_assert(sizeof(struct signalfd_siginfo) == 128, "Linux ABI");

static void
describe(struct signalfd_siginfo *out, const struct siginfo_brief *in)
{
    *out = (struct signalfd_siginfo){ .signo = (uint32_t)in->signo, .err = in->err, .code = in->code };
    if (in->code == SI_TIMER) {
        out->tid = (uint32_t)in->timer_id;
        out->overrun = (uint32_t)in->overrun;
    } else if (in->code > 0 && in->code != SI_KERNEL && (SIG_BIT(in->signo) & SIG_FAULTS)) {
        out->addr = in->addr;
        return;
    } else {
        out->pid = in->pid;
        out->uid = in->uid;
    }
    if (in->signo == SIGCHLD && in->code > 0) {
        out->status = in->status;
        out->utime = in->utime;
        out->stime = in->stime;
    } else if (in->code < 0) {
        out->pointer = in->value;
        out->integer = (int32_t)in->value;
    }
}

static uint64_t
set_of(const struct file *f)
{
    return (uint64_t)f->priv;
}

static ssize
signalfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct signalfd_siginfo out;
    struct siginfo_brief info;
    ssize total = 0, n;

    (void)pos;
    if (u->left < sizeof(out))
        return -EINVAL;
    while (u->left >= sizeof(out)) {
        if (signal_take(proc_current(), thread_self(), set_of(f), &info) == 0) {
            if (total > 0)
                break;
            if (FILE_NONBLOCK(f))
                return -EAGAIN;
            n = wait_sleep(&signal_watchers, NULL, DEADLINE_NEVER, WAIT_INTR);
            if (n != 0)
                return n;
            continue;
        }
        describe(&out, &info);
        n = uio_out(u, &out, sizeof(out));
        if (n != (ssize)sizeof(out))
            return total > 0 ? total : -EFAULT;
        total += n;
    }
    return total;
}

static unsigned
signalfd_poll(struct file *f)
{
    const struct proc *p = proc_current();

    return p != NULL && ((signals_current()->pending.set | p->sig_pending.set) & set_of(f)) ? READY_IN | READY_RDNORM : 0;
}

static struct waitq *
signalfd_poll_queue(struct file *f)
{
    (void)f;
    return &signal_watchers;
}

static const struct file_ops signalfd_ops = {
    .name = "[signalfd]",
    .read = signalfd_read,
    .poll = signalfd_poll,
    .poll_queue = signalfd_poll_queue,
};

struct file *
signalfd_create(uint64_t set, uint32_t flags)
{
    return file_create(&signalfd_ops, flags | IPC_O_RDWR, (void *)set);
}

bool
signalfd_change(struct file *f, uint64_t set)
{
    if (f->ops != &signalfd_ops)
        return false;
    f->priv = (void *)set;
    wake_all(&signal_watchers);
    return true;
}
