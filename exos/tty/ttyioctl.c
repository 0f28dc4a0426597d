/*
 * ttyioctl.c: what ioctl does to a terminal, from its own files and from a pty's master (ioctl_tty(2)).
 */
#include "base/uio.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "tty/job.h"
#include "tty/termbits.h"
#include "tty/tty.h"

long
tty_put_int(uint64_t arg, uint32_t value)
{
    return user_copy_out(arg, &value, sizeof(value)) == 0 ? 0 : -EFAULT;
}

/* ---- modes and size ---- */

/* By the bits of a speed in cflag; `before` where these only say that it is a number. */
static uint32_t
speed_of(uint32_t bits, uint32_t before)
{
    static const uint32_t slow[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
    static const uint32_t fast[] = { 0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000,
                                     3000000, 3500000, 4000000 };

    if (bits == CBAUDEX)
        return before;
    return (bits & CBAUDEX ? fast : slow)[bits & 15];
}

static long
get_modes(struct tty *tty, bool speeds, uint64_t arg)
{
    struct termios2_k t = { tty->t, tty->ispeed, tty->ospeed };

    return user_copy_out(arg, &t, speeds ? sizeof(t) : sizeof(t.t)) == 0 ? 0 : -EFAULT;
}

static long
set_modes(struct tty *tty, bool speeds, bool flush, uint64_t arg)
{
    struct termios2_k t = { .ispeed = tty->ispeed, .ospeed = tty->ospeed };
    int err = tty_background(tty, SIGTTOU);
    uint32_t in;

    if (err != 0)
        return err;
    if (user_copy_in(&t, arg, speeds ? sizeof(t) : sizeof(t.t)) != 0)
        return -EFAULT;
    in = t.t.cflag >> CIBAUD_SHIFT & CBAUD;
    lock_acquire(&tty->lock);
    tty->ospeed = speed_of(t.t.cflag & CBAUD, t.ospeed);
    tty->ispeed = in == 0 ? tty->ospeed : speed_of(in, t.ispeed);
    tty_set(tty, &t.t, flush);
    lock_release(&tty->lock);
    return 0;
}

/* Which of its modes stay as they are. */
static long
lock_modes(struct tty *tty, uint64_t arg)
{
    struct termios_k t;

    if (proc_current()->fs->uid != 0)
        return -EPERM;
    if (user_copy_in(&t, arg, sizeof(t)) != 0)
        return -EFAULT;
    tty->locked = t;
    return 0;
}

static long
get_termio(const struct tty *tty, uint64_t arg)
{
    struct termio_k t = { (uint16_t)tty->t.iflag, (uint16_t)tty->t.oflag, (uint16_t)tty->t.cflag, (uint16_t)tty->t.lflag, tty->t.line, { 0 } };

    memcpy(t.cc, tty->t.cc, sizeof(t.cc));
    return user_copy_out(arg, &t, sizeof(t)) == 0 ? 0 : -EFAULT;
}

/* The low half of a word is another. */
static void
set_low(uint32_t *word, uint16_t low)
{
    *word = (*word & 0xffff0000u) | low;
}

static long
set_termio(struct tty *tty, bool flush, uint64_t arg)
{
    struct termios_k new = tty->t;
    struct termio_k t;
    int err = tty_background(tty, SIGTTOU);

    if (err != 0)
        return err;
    if (user_copy_in(&t, arg, sizeof(t)) != 0)
        return -EFAULT;
    set_low(&new.iflag, t.iflag);
    set_low(&new.oflag, t.oflag);
    set_low(&new.cflag, t.cflag);
    set_low(&new.lflag, t.lflag);
    new.line = t.line;
    memcpy(new.cc, t.cc, sizeof(t.cc));
    lock_acquire(&tty->lock);
    tty->ospeed = tty->ispeed = speed_of(new.cflag & CBAUD, tty->ospeed);
    tty_set(tty, &new, flush);
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

/* ---- what waits on either way ---- */

static long
flow(struct tty *tty, uint64_t action)
{
    int err = tty_background(tty, SIGTTOU);
    uint8_t c;

    if (err != 0)
        return err;
    if (action > TCION)
        return -EINVAL;
    c = tty->t.cc[action == TCIOFF ? VSTOP : VSTART];
    lock_acquire(&tty->lock);
    if (action == TCOOFF)
        tty_stop(tty, true);
    else if (action == TCOON)
        tty_start(tty, true);
    else if (c != 0)
        tty_out(tty, &c, 1);
    lock_release(&tty->lock);
    return 0;
}

static long
flush(struct tty *tty, uint64_t which)
{
    int err = tty_background(tty, SIGTTOU);

    if (err != 0)
        return err;
    if (which > TCIOFLUSH)
        return -EINVAL;
    lock_acquire(&tty->lock);
    if (which != TCOFLUSH)
        tty_flush(tty);
    if (which != TCIFLUSH && tty->ops->changed != NULL)
        tty->ops->changed(tty, TIOCPKT_FLUSHWRITE);
    lock_release(&tty->lock);
    return 0;
}

/* As if it had been typed. Root's alone, as where Linux has legacy_tiocsti off. */
static long
type(struct tty *tty, uint64_t arg)
{
    uint8_t c;
    int sig;

    if (proc_current()->fs->uid != 0)
        return -EIO;
    if (user_copy_in(&c, arg, 1) != 0)
        return -EFAULT;
    lock_acquire(&tty->lock);
    sig = tty_input(tty, c);
    lock_release(&tty->lock);
    if (sig != 0)
        tty_signal(tty, sig);
    return 0;
}

/* ---- whose it is ---- */

static long
set_group(struct tty *tty, uint64_t arg)
{
    int32_t pgid;

    if (user_copy_in(&pgid, arg, sizeof(pgid)) != 0)
        return -EFAULT;
    return pgid < 0 ? -EINVAL : tty_set_group(tty, (uint32_t)pgid);
}

static long
session_ioctl(struct tty *tty, const struct file *f, bool master, unsigned cmd, uint64_t arg)
{
    struct proc *p = proc_current();

    switch (cmd) {
    case TIOCSCTTY:
        return tty_acquire(tty, arg == 1, (f->flags & O_ACCMODE) != O_WRONLY);
    case TIOCSPGRP:
        return set_group(tty, arg);
    case TIOCNOTTY:
        if (p->ctty != tty)
            return -ENOTTY;
        tty_leave(p, false);
        return 0;
    default:
        if ((!master && p->ctty != tty) || (cmd == TIOCGSID && tty->sid == 0))
            return -ENOTTY;
        return tty_put_int(arg, cmd == TIOCGSID ? tty->sid : tty->pgid);
    }
}

static long
set_discipline(uint64_t arg)
{
    int32_t line;

    if (user_copy_in(&line, arg, sizeof(line)) != 0)
        return -EFAULT;
    return line == 0 ? 0 : -EINVAL;
}

/* ---- */

static long
state_ioctl(struct tty *tty, unsigned cmd, uint64_t arg)
{
    switch (cmd) {
    case TIOCEXCL:
    case TIOCNXCL:
        tty->exclusive = cmd == TIOCEXCL;
        return 0;
    case TIOCGEXCL:
        return tty_put_int(arg, tty->exclusive);
    case TIOCGDEV:
        return tty_put_int(arg, (uint32_t)tty->device);
    case TIOCGETD:
        return tty_put_int(arg, 0);
    case TIOCSETD:
        return set_discipline(arg);
    case TIOCSTI:
        return type(tty, arg);
    case TIOCGPTPEER:
        return -EIO;
    default:
        return -ENOTTY;
    }
}

long
tty_ioctl(struct tty *tty, const struct file *f, bool master, unsigned cmd, uint64_t arg)
{
    if (master ? tty->hung_up : tty_file_is_dead(tty, f))
        return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
    switch (cmd) {
    case TCGETS:
    case TCGETS2:
        return get_modes(tty, cmd == TCGETS2, arg);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_modes(tty, false, cmd == TCSETSF, arg);
    case TCGETA:
        return get_termio(tty, arg);
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
        return set_termio(tty, cmd == TCSETAF, arg);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
        return set_modes(tty, true, cmd == TCSETSF2, arg);
    case TIOCGLCKTRMIOS:
        return user_copy_out(arg, &tty->locked, sizeof(tty->locked)) == 0 ? 0 : -EFAULT;
    case TIOCSLCKTRMIOS:
        return lock_modes(tty, arg);
    case TIOCGWINSZ:
        return user_copy_out(arg, &tty->size, sizeof(tty->size)) == 0 ? 0 : -EFAULT;
    case TIOCSWINSZ:
        return set_size(tty, arg);
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID:
    case TIOCSCTTY:
    case TIOCNOTTY:
        return session_ioctl(tty, f, master, cmd, arg);
    case FIONREAD:
        return tty_put_int(arg, (uint32_t)tty_readable(tty));
    case TIOCOUTQ:
        return tty_put_int(arg, 0);
    case TCFLSH:
        return flush(tty, arg);
    case TCXONC:
        return flow(tty, arg);
    case TCSBRK:
    case TCSBRKP:
        return tty_background(tty, SIGTTOU);
    default:
        return state_ioctl(tty, cmd, arg);
    }
}
