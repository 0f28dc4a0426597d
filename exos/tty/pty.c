/*
 * pty.c: pseudo-terminals (pty(7)): a terminal whose other side is a file, the master.
 *
 * Holds:    what the master writes is typed, at once, as far as there is room; what the terminal shows waits in a ring for the master.
 *           When the master has gone the terminal hangs up; when the last file of the terminal has, the master reads EIO behind the rest.
 * Locks:    the terminal's own.
 * Not here: names in /dev/pts (devpts.c).
 */
#include "tty/pty.h"

#include "base/mem.h"
#include "base/uio.h"
#include "ipc/ipc.h"
#include "proc/signal.h"
#include "tty/job.h"
#include "tty/termbits.h"

#define OUTPUT_MASK (PTY_OUTPUT_MAX - 1)
#define PIECE 512               /* bytes copied at a time */

static struct pty *table[PTY_MAX];
static unsigned count;

struct pty *
pty_at(unsigned number)
{
    return number < PTY_MAX ? table[number] : NULL;
}

unsigned
pty_count(void)
{
    return count;
}

/* ---- the terminal's other side ---- */

static inline struct pty *
pty_of(const struct tty *tty)
{
    return container_of(tty, struct pty, tty);
}

/* What finds no room is lost: echo alone comes without asking. */
static void
show(struct tty *tty, const uint8_t *bytes, size_t n)
{
    struct pty *p = pty_of(tty);

    for (size_t i = 0; i < n && p->filled < PTY_OUTPUT_MAX; i++)
        p->output[(p->head + p->filled++) & OUTPUT_MASK] = bytes[i];
    wake_all(&p->master);
}

static size_t
room(const struct tty *tty)
{
    return PTY_OUTPUT_MAX - pty_of(tty)->filled;
}

static void
changed(struct tty *tty, unsigned what)
{
    struct pty *p = pty_of(tty);
    unsigned undone = what == TIOCPKT_STOP ? TIOCPKT_START : what == TIOCPKT_START ? TIOCPKT_STOP : 0;

    if (what & (TIOCPKT_DOSTOP | TIOCPKT_NOSTOP))
        undone = TIOCPKT_DOSTOP | TIOCPKT_NOSTOP;
    if (p->packet)
        p->news = (uint8_t)((p->news & ~undone) | what);
    wake_all(&p->master);
}

static void
closed(struct tty *tty)
{
    struct pty *p = pty_of(tty);

    if (tty->opens == 0) {
        p->slave_gone = true;
        wake_all(&p->master);
    }
    pty_put(p);
}

static const struct tty_ops slave_ops = { .out = show, .room = room, .changed = changed, .closed = closed };

/* ---- life ---- */

int
pty_create(struct pty **out)
{
    struct pty *p;
    unsigned n = 0;

    while (n < PTY_MAX && table[n] != NULL)
        n++;
    if (n == PTY_MAX)
        return -ENOSPC;
    p = heap_alloc(sizeof(*p));
    if (p == NULL)
        return -ENOMEM;
    tty_init(&p->tty, &slave_ops, PTY_DEVICE(n));
    waitq_init(&p->master);
    p->number = n;
    p->uses = 1;
    p->locked = true;
    table[n] = p;
    count++;
    *out = p;
    return 0;
}

void
pty_put(struct pty *p)
{
    if (--p->uses > 0)
        return;
    table[p->number] = NULL;
    count--;
    heap_free(p);
}

/* ---- the master ---- */

static inline struct pty *
pair(const struct file *f)
{
    return f->priv;
}

/* Until there is something to read. Lock held. */
static int
wait_output(const struct file *f)
{
    struct pty *p = pair(f);
    int err = 0;

    while (err == 0 && p->filled == 0 && p->news == 0) {
        if (p->slave_gone)
            return -EIO;
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        err = wait_sleep(&p->master, &p->tty.lock, DEADLINE_NEVER, WAIT_INTR);
    }
    return err;
}

/* What was shown, at most n bytes of it. Lock held. */
static size_t
take_output(struct pty *p, uint8_t *bytes, size_t n)
{
    n = MIN(n, p->filled);
    for (size_t i = 0; i < n; i++)
        bytes[i] = p->output[(p->head + i) & OUTPUT_MASK];
    p->head = (p->head + (uint32_t)n) & OUTPUT_MASK;
    p->filled -= (uint32_t)n;
    wake_all(&p->tty.readers);
    return n;
}

/* In packet mode a read begins with a byte that says what it is. Lock held. The bytes of the head, and whether data follow. */
static size_t
packet_head(struct pty *p, uint8_t *head, bool *data)
{
    *data = p->news == 0;
    *head = p->news;            /* or TIOCPKT_DATA, which is 0 */
    p->news = 0;
    return p->packet ? 1 : 0;
}

static ssize
master_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct pty *p = pair(f);
    uint8_t piece[PIECE];
    ssize total = 0, moved = 1;
    size_t n;
    bool data;
    int err;

    (void)pos;
    if (u->left == 0)
        return 0;
    lock_acquire(&p->tty.lock);
    err = wait_output(f);
    n = err == 0 ? packet_head(p, piece, &data) : 0;
    while (err == 0 && moved > 0) {
        if (data)
            n += take_output(p, piece + n, MIN(u->left, sizeof(piece)) - n);
        if (n == 0)
            break;
        lock_release(&p->tty.lock);
        moved = uio_out(u, piece, n);
        lock_acquire(&p->tty.lock);
        total += MAX(moved, 0);
        n = 0;
        data = data && u->left > 0;
    }
    lock_release(&p->tty.lock);
    return total > 0 ? total : err != 0 ? err : moved;
}

/* Lock held. */
static int
wait_accepting(const struct file *f)
{
    struct pty *p = pair(f);
    int err = 0;

    while (err == 0 && !tty_accepts(&p->tty)) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        err = wait_sleep(&p->master, &p->tty.lock, DEADLINE_NEVER, WAIT_INTR);
    }
    return err;
}

/* Types n bytes; how many, at least one, or -EAGAIN, -EINTR. */
static ssize
feed(const struct file *f, const uint8_t *bytes, size_t n)
{
    struct tty *tty = &pair(f)->tty;
    size_t done = 0;
    int err = 0;

    lock_acquire(&tty->lock);
    while (done < n && (err = wait_accepting(f)) == 0) {
        int sig = tty_input(tty, bytes[done++]);

        if (sig != 0) {
            lock_release(&tty->lock);
            tty_signal(tty, sig);
            lock_acquire(&tty->lock);
        }
    }
    lock_release(&tty->lock);
    return done > 0 ? (ssize)done : err;
}

static ssize
master_write(struct file *f, struct uio *u, uint64_t *pos)
{
    uint8_t piece[PIECE];
    ssize total = 0, n = 0;

    (void)pos;
    while (u->left > 0) {
        ssize want = uio_in(u, piece, MIN(u->left, sizeof(piece)));

        n = want > 0 ? feed(f, piece, (size_t)want) : want;
        total += MAX(n, 0);
        if (n <= 0 || n < want)
            break;
        sched_point();
    }
    return total > 0 ? total : n;
}

static unsigned
master_ready(struct file *f)
{
    const struct pty *p = pair(f);

    return (p->filled > 0 || p->news != 0 ? READY_IN | READY_RDNORM : 0) | (p->news != 0 ? READY_PRI : 0) |
           (p->slave_gone ? READY_HUP : 0) | (tty_accepts(&p->tty) ? READY_OUT | READY_WRNORM : 0);
}

static struct waitq *
master_queue(struct file *f)
{
    return &pair(f)->master;
}

static void
master_release(struct file *f)
{
    struct pty *p = pair(f);

    tty_hang_up(&p->tty);
    devpts_remove(p);
    pty_put(p);
}

/* ---- ioctl ---- */

static long
set_flag(bool *flag, uint64_t arg)
{
    int32_t value;

    if (user_copy_in(&value, arg, sizeof(value)) != 0)
        return -EFAULT;
    *flag = value != 0;
    return 0;
}

static long
set_packet(struct pty *p, uint64_t arg)
{
    bool was = p->packet;
    long err = set_flag(&p->packet, arg);

    if (p->packet != was)
        p->news = 0;
    return err;
}

/* TIOCSIG: the number itself is the argument. */
static long
signal_slave(struct pty *p, uint64_t sig)
{
    if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
        return -EINVAL;
    tty_signal(&p->tty, (int)sig);
    return 0;
}

static long
flush_output(struct pty *p, uint64_t which)
{
    if (which > TCIOFLUSH)
        return -EINVAL;
    lock_acquire(&p->tty.lock);
    if (which != TCOFLUSH)
        p->filled = 0;
    wake_all(&p->tty.readers);
    lock_release(&p->tty.lock);
    return 0;
}

static long
master_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct pty *p = pair(f);

    switch (cmd) {
    case TIOCGPTN:
        return tty_put_int(arg, p->number);
    case TIOCSPTLCK:
        return set_flag(&p->locked, arg);
    case TIOCGPTLCK:
        return tty_put_int(arg, p->locked);
    case TIOCPKT:
        return set_packet(p, arg);
    case TIOCGPKT:
        return tty_put_int(arg, p->packet);
    case TIOCSIG:
        return signal_slave(p, arg);
    case TIOCGPTPEER:
        return devpts_open_peer(p, (uint32_t)arg);
    case FIONREAD:
        return tty_put_int(arg, p->filled);
    case TCFLSH:
        return flush_output(p, arg);
    default:
        return tty_ioctl(&p->tty, f, true, cmd, arg);
    }
}

const struct file_ops pty_master_ops = {
    .name = "ptmx",
    .read = master_read,
    .write = master_write,
    .ioctl = master_ioctl,
    .poll = master_ready,
    .poll_queue = master_queue,
    .signals = true,
    .release = master_release,
};
