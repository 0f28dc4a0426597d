/*
 * ttyfile.c: a terminal as an open file: read, write, readiness and ioctl, whatever its hardware is.
 *
 * Not here: the line discipline (tty.c), who may use a terminal now (job.c).
 */
#include "base/uio.h"
#include "fs/fdtable.h"
#include "proc/proc.h"
#include "tty/job.h"
#include "tty/termbits.h"
#include "tty/tty.h"

#define WRITE_PIECE 512         /* bytes copied from the writer at a time */
#define READ_PIECE 256
#define POLLIN 1u
#define POLLOUT 4u
#define POLLHUP 0x10u
#define POLLRDNORM 0x40u
#define POLLWRNORM 0x100u
#define TENTH_NS (100 * NSEC_PER_MSEC)
#define OUTPUT_GROWS 8          /* a byte becomes at most so many: a tab */

static inline struct tty *
tty_of(const struct file *f)
{
    return f->priv;
}

/* ---- reading ---- */

/* How many bytes a raw-mode read waits for, and how long (termios(3), VMIN and VTIME). Lock held. 1: the terminal has hung up. */
static int
wait_readable(const struct file *f, uint32_t want)
{
    struct tty *tty = tty_of(f);
    bool raw = (tty->t.lflag & ICANON) == 0;
    uint32_t min = raw ? MIN(tty->t.cc[VMIN], want) : 1;
    uint64_t time_ns = raw ? tty->t.cc[VTIME] * TENTH_NS : 0, deadline = DEADLINE_NEVER;

    if (raw && time_ns != 0 && min == 0)
        deadline = clock_monotonic_ns() + time_ns;
    while (tty->ready < MAX(min, 1u)) {
        int err;

        if (tty->hung_up)
            return tty->ready > 0 ? 0 : 1;
        if ((f->flags & O_NONBLOCK) && tty->ready == 0)
            return -EAGAIN;
        if (raw && min == 0 && deadline == DEADLINE_NEVER)
            return 0;
        if (raw && time_ns != 0 && min > 0 && tty->ready > 0)
            deadline = clock_monotonic_ns() + time_ns;
        err = wait_sleep(&tty->readers, &tty->lock, deadline, WAIT_INTR);
        if (err == -ETIMEDOUT)
            return 0;
        if (err != 0)
            return tty->ready > 0 && raw ? 0 : err;
    }
    return 0;
}

static ssize
tty_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct tty *tty = tty_of(f);
    uint8_t piece[READ_PIECE];
    ssize total = 0;
    bool eof = false;
    int err = tty_background(tty, SIGTTIN);

    (void)pos;
    if (u->left == 0 || err != 0)
        return err;
    lock_acquire(&tty->lock);
    err = wait_readable(f, (uint32_t)MIN(u->left, (uint64_t)TTY_INPUT_MAX));
    while (err == 0 && u->left > 0 && tty->ready > 0) {
        size_t n = tty_take(tty, piece, MIN(u->left, sizeof(piece)), &eof);
        ssize moved;

        lock_release(&tty->lock);
        moved = n > 0 ? uio_out(u, piece, n) : 0;
        lock_acquire(&tty->lock);
        if (moved < 0)
            err = (int)moved;
        else
            total += moved;
        if (n == 0 || (tty->t.lflag & ICANON && (n < sizeof(piece) || piece[n - 1] == '\n')))
            break;
    }
    lock_release(&tty->lock);
    return total > 0 || err == 1 ? total : err;
}

/* ---- writing ---- */

/* Lock held. */
static int
wait_writable(const struct file *f, size_t n)
{
    struct tty *tty = tty_of(f);
    int err = 0;

    while (err == 0 && !tty->hung_up && (tty->stopped || (tty->room != NULL && tty->room(tty) < n * OUTPUT_GROWS))) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        err = wait_sleep(&tty->readers, &tty->lock, DEADLINE_NEVER, WAIT_INTR);
    }
    return err == 0 && tty->hung_up ? -EIO : err;
}

static ssize
tty_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct tty *tty = tty_of(f);
    uint8_t piece[WRITE_PIECE];
    ssize total = 0;
    int err = tty->t.lflag & TOSTOP ? tty_background(tty, SIGTTOU) : 0;

    (void)pos;
    while (u->left > 0 && err == 0) {
        size_t want = MIN(u->left, sizeof(piece));
        ssize n = 0;

        lock_acquire(&tty->lock);
        err = wait_writable(f, want);
        lock_release(&tty->lock);
        if (err == 0)
            n = uio_in(u, piece, want);
        if (n < 0)
            err = (int)n;
        if (err != 0 || n == 0)
            break;
        lock_acquire(&tty->lock);
        tty_output(tty, piece, (size_t)n);
        lock_release(&tty->lock);
        total += n;
        sched_point();
    }
    return total > 0 ? total : err;
}

/* ---- ioctl ---- */

static long
set_modes(struct tty *tty, unsigned cmd, uint64_t arg)
{
    struct termios_k t;
    int err = tty_background(tty, SIGTTOU);

    if (err != 0)
        return err;
    if (user_copy_in(&t, arg, sizeof(t)) != 0)
        return -EFAULT;
    lock_acquire(&tty->lock);
    tty_set(tty, &t, cmd == TCSETSF);
    lock_release(&tty->lock);
    return 0;
}

static long
set_size(struct tty *tty, uint64_t arg)
{
    struct winsize_k size;
    bool changed;

    if (user_copy_in(&size, arg, sizeof(size)) != 0)
        return -EFAULT;
    changed = memcmp(&size, &tty->size, sizeof(size)) != 0;
    tty->size = size;
    if (changed)
        tty_signal(tty, SIGWINCH);
    return 0;
}

static long
get_int(uint64_t arg, uint32_t value)
{
    return user_copy_out(arg, &value, sizeof(value)) == 0 ? 0 : -EFAULT;
}

static long
set_group(struct tty *tty, uint64_t arg)
{
    int32_t pgid;

    if (user_copy_in(&pgid, arg, sizeof(pgid)) != 0)
        return -EFAULT;
    return pgid < 0 ? -EINVAL : tty_set_group(tty, (uint32_t)pgid);
}

static long
flush_queues(struct tty *tty, uint64_t which)
{
    if (which > 2)
        return -EINVAL;
    if (which != 1) {
        lock_acquire(&tty->lock);
        tty->head = tty->filled = tty->ready = 0;
        lock_release(&tty->lock);
    }
    return 0;
}

/* What concerns the session: only for those whose terminal it is. */
static long
session_ioctl(struct tty *tty, unsigned cmd, uint64_t arg)
{
    if (cmd == TIOCSCTTY)
        return tty_acquire(tty, arg == 1);
    if (proc_current()->ctty != tty)
        return -ENOTTY;
    switch (cmd) {
    case TIOCGPGRP:
        return get_int(arg, tty->pgid);
    case TIOCSPGRP:
        return set_group(tty, arg);
    case TIOCGSID:
        return get_int(arg, tty->sid);
    default:
        tty_leave(proc_current());
        return 0;
    }
}

static long
tty_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct tty *tty = tty_of(f);

    switch (cmd) {
    case TCGETS:
        return user_copy_out(arg, &tty->t, sizeof(tty->t)) == 0 ? 0 : -EFAULT;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_modes(tty, cmd, arg);
    case TIOCGWINSZ:
        return user_copy_out(arg, &tty->size, sizeof(tty->size)) == 0 ? 0 : -EFAULT;
    case TIOCSWINSZ:
        return set_size(tty, arg);
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID:
    case TIOCSCTTY:
    case TIOCNOTTY:
        return session_ioctl(tty, cmd, arg);
    case FIONREAD:
        return get_int(arg, (uint32_t)tty_readable(tty));
    case TIOCOUTQ:
        return get_int(arg, 0);
    case TCFLSH:
        return flush_queues(tty, arg);
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
        return 0;
    default:
        return -ENOTTY;
    }
}

static unsigned
tty_ready(struct file *f)
{
    const struct tty *tty = tty_of(f);

    if (tty->hung_up)
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP;
    return (tty_has_input(tty) ? POLLIN | POLLRDNORM : 0) |
           (tty->stopped || (tty->room != NULL && tty->room(tty) < OUTPUT_GROWS) ? 0 : POLLOUT | POLLWRNORM);
}

static struct waitq *
tty_queue(struct file *f)
{
    return &tty_of(f)->readers;
}

const struct file_ops tty_file_ops = {
    .name = "tty",
    .read = tty_read,
    .write = tty_write,
    .ioctl = tty_ioctl,
    .poll = tty_ready,
    .poll_queue = tty_queue,
};
