/*
 * ttyfile.c: a terminal as an open file: read, write and readiness, whatever is at the other side.
 *
 * Not here: ioctl (ttyioctl.c), the line discipline (tty.c), who may use a terminal now (job.c).
 */
#include "base/uio.h"
#include "ipc/ipc.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "tty/job.h"
#include "tty/termbits.h"
#include "tty/tty.h"

#define WRITE_PIECE 512         /* bytes copied from the writer at a time */
#define READ_PIECE 256
#define TENTH_NS (100 * NSEC_PER_MSEC)

static inline struct tty *
tty_of(const struct file *f)
{
    return f->priv;
}

/* ---- reading ---- */

/* How long a read goes on (termios(3), VMIN and VTIME). */
struct patience {
    ssize min;                  /* bytes that it waits for */
    uint64_t gap_ns;            /* from one byte to the next; 0: any */
    uint64_t deadline_ns;       /* of the next byte; 0: it is there or not */
};

static struct patience
patience_of(const struct tty *tty)
{
    uint64_t time_ns = tty->t.cc[VTIME] * TENTH_NS;

    if (tty_canonical(tty))
        return (struct patience){ 1, 0, DEADLINE_NEVER };
    if (tty->t.cc[VMIN] != 0)
        return (struct patience){ tty->t.cc[VMIN], time_ns, DEADLINE_NEVER };
    return (struct patience){ 1, 0, time_ns != 0 ? clock_monotonic_ns() + time_ns : 0 };
}

/* Until there is something to read. 1: there is not; -EIO: it hung up meanwhile. Lock held. */
static int
wait_readable(const struct file *f, const struct patience *p)
{
    struct tty *tty = tty_of(f);
    bool slept = false;

    for (; !tty_has_input(tty); slept = true) {
        int err;

        if (tty_file_is_dead(tty, f))
            return slept ? -EIO : 1;
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        if (p->deadline_ns == 0)
            return 1;
        err = wait_sleep(&tty->readers, &tty->lock, p->deadline_ns, WAIT_INTR);
        if (err != 0)
            return err == -ETIMEDOUT ? 1 : err;
    }
    return 0;
}

/* A piece to the reader; *closed as tty_take. Lock held, but not while user memory is touched. */
static ssize
read_piece(struct tty *tty, struct uio *u, bool *closed)
{
    uint8_t piece[READ_PIECE];
    size_t n = tty_take(tty, piece, MIN(u->left, sizeof(piece)), closed);
    ssize moved;

    lock_release(&tty->lock);
    moved = n > 0 ? uio_out(u, piece, n) : 0;
    lock_acquire(&tty->lock);
    return moved;
}

static ssize
tty_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct tty *tty = tty_of(f);
    struct patience p;
    ssize total = 0;
    bool closed = false;
    int err = tty_background(tty, SIGTTIN);

    (void)pos;
    if (err != 0 || tty_file_is_dead(tty, f))
        return err;
    lock_acquire(&tty->lock);
    p = patience_of(tty);
    while (u->left > 0 && !closed && (total < p.min || tty_has_input(tty)) && (err = wait_readable(f, &p)) == 0) {
        ssize moved = read_piece(tty, u, &closed);

        if (moved < 0) {
            err = (int)moved;
            break;
        }
        total += moved;
        if (p.gap_ns != 0)
            p.deadline_ns = clock_monotonic_ns() + p.gap_ns;
    }
    lock_release(&tty->lock);
    return total > 0 || err == 1 ? total : err;
}

/* ---- writing ---- */

/* Bytes that may be written now, whatever they become. */
static size_t
writable(const struct tty *tty)
{
    if (tty->stopped)
        return 0;
    return tty->ops->room == NULL ? SIZE_MAX : tty->ops->room(tty) / TTY_GROWS_MAX;
}

/* How many of n bytes were written, at least one; -EAGAIN, -EIO, -EINTR. Lock held. */
static ssize
put(const struct file *f, const uint8_t *bytes, size_t n)
{
    struct tty *tty = tty_of(f);
    size_t done = 0;
    int err = 0;

    while (done < n && err == 0) {
        size_t now = MIN(writable(tty), n - done);

        if (tty_file_is_dead(tty, f)) {
            err = -EIO;
        } else if (now > 0) {
            tty_output(tty, bytes + done, now);
            done += now;
        } else if (f->flags & O_NONBLOCK) {
            err = -EAGAIN;
        } else {
            err = wait_sleep(&tty->readers, &tty->lock, DEADLINE_NEVER, WAIT_INTR);
        }
    }
    return done > 0 ? (ssize)done : err;
}

static ssize
tty_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct tty *tty = tty_of(f);
    uint8_t piece[WRITE_PIECE];
    ssize total = 0, n = tty->t.lflag & TOSTOP ? tty_background(tty, SIGTTOU) : 0;

    (void)pos;
    if (tty_file_is_dead(tty, f))
        return -EIO;
    while (u->left > 0 && n >= 0) {
        size_t want = MIN(u->left, sizeof(piece));

        n = uio_in(u, piece, want);
        if (n <= 0)
            break;
        want = (size_t)n;
        lock_acquire(&tty->lock);
        n = put(f, piece, want);
        lock_release(&tty->lock);
        total += MAX(n, 0);
        if (n < (ssize)want)
            break;
        sched_point();
    }
    return total > 0 ? total : n;
}

/* ---- readiness ---- */

/* In raw mode as many bytes as VMIN says, unless time counts, too. */
static bool
read_ready(const struct tty *tty)
{
    uint32_t min = !tty_canonical(tty) && tty->t.cc[VTIME] == 0 ? MAX(tty->t.cc[VMIN], 1) : 1;

    return tty->ready >= min;
}

static unsigned
tty_ready(struct file *f)
{
    const struct tty *tty = tty_of(f);

    if (tty_file_is_dead(tty, f))
        return READY_IN | READY_RDNORM | READY_OUT | READY_WRNORM | READY_ERR | READY_HUP;
    return (read_ready(tty) ? READY_IN | READY_RDNORM : 0) | (writable(tty) > 0 ? READY_OUT | READY_WRNORM : 0);
}

static struct waitq *
tty_queue(struct file *f)
{
    return &tty_of(f)->readers;
}

static long
file_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    return tty_ioctl(tty_of(f), f, false, cmd, arg);
}

static void
tty_release(struct file *f)
{
    struct tty *tty = tty_of(f);

    tty->opens--;
    if (tty->opens == 0)
        tty->exclusive = false;
    if (tty->ops->closed != NULL)
        tty->ops->closed(tty);
}

static const struct file_ops tty_file_ops = {
    .name = "tty",
    .read = tty_read,
    .write = tty_write,
    .ioctl = file_ioctl,
    .poll = tty_ready,
    .poll_queue = tty_queue,
    .signals = true,
    .release = tty_release,
};

int
tty_open(struct tty *tty, struct file *f, bool own)
{
    const struct proc *p = proc_current();

    if (tty->exclusive && p != NULL && p->fs->uid != 0)
        return -EBUSY;
    f->ops = &tty_file_ops;
    f->priv = tty;
    f->pos = tty->hangups;
    tty->opens++;
    if (own && !(f->flags & O_NOCTTY) && (f->flags & O_ACCMODE) != O_WRONLY)
        tty_offer(tty);
    return 0;
}
