/*
 * console.c: the session's console: Aegis' main console port behind a line discipline, as /dev/console and /dev/tty.
 */
#include "aegis/sys.h"
#include "base/uio.h"
#include "fs/devfs.h"
#include "proc/proc.h"
#include "start/session.h"
#include "tty/termbits.h"
#include "tty/tty.h"

#define WRITE_PIECE 512         /* bytes copied from the writer at a time */
#define READ_PIECE 256
#define POLLIN 1u
#define POLLOUT 4u
#define POLLRDNORM 0x40u
#define POLLWRNORM 0x100u
#define O_NONBLOCK 04000u
#define S_IFCHR 0020000u
#define TENTH_NS (100 * NSEC_PER_MSEC)

struct tty console_tty;

static void
port_out(struct tty *tty, const uint8_t *bytes, size_t n)
{
    uint64_t done = 0;

    (void)tty;
    for (; n > 0; bytes += done, n -= done)
        if (aeg_console_write(CAP_CONSOLE, AEG_CONSOLE_MAIN, bytes, MIN(n, (size_t)AEG_CONSOLE_MAX), &done) != AEG_OK || done == 0)
            return;
}

/* ^C with nobody in the foreground goes to nobody. */
static void
signal_foreground(int sig)
{
    if (console_tty.pgid != 0 && proc_signal_group(console_tty.pgid, sig) != 0)
        console_tty.pgid = 0;
}

uint64_t
console_poll(void)
{
    uint8_t bytes[READ_PIECE];
    uint64_t n = 0;

    if (aeg_console_read(CAP_CONSOLE, AEG_CONSOLE_MAIN, bytes, sizeof(bytes), &n) != AEG_OK)
        return DEADLINE_NEVER;
    for (uint64_t i = 0; i < n; i++) {
        int sig;

        lock_acquire(&console_tty.lock);
        sig = tty_input(&console_tty, bytes[i]);
        lock_release(&console_tty.lock);
        if (sig != 0)
            signal_foreground(sig);
    }
    return n == sizeof(bytes) ? 0 : DEADLINE_NEVER;
}

void
console_drain(void)
{
    /* Aegis writes while the call lasts: nothing waits here. */
}

/* How many bytes a raw-mode read waits for, and how long (termios(3), VMIN and VTIME). */
static int
wait_readable(struct file *f, uint32_t want)
{
    struct tty *tty = &console_tty;
    bool raw = (tty->t.lflag & ICANON) == 0;
    uint32_t min = raw ? MIN(tty->t.cc[VMIN], want) : 1;
    uint64_t time_ns = raw ? tty->t.cc[VTIME] * TENTH_NS : 0, deadline = DEADLINE_NEVER;

    if (raw && time_ns != 0 && min == 0)
        deadline = clock_monotonic_ns() + time_ns;
    while (tty->ready < MAX(min, 1u)) {
        int err;

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
console_read(struct file *f, struct uio *u, uint64_t *pos)
{
    uint8_t piece[READ_PIECE];
    ssize total = 0;
    bool eof = false;
    int err;

    (void)pos;
    if (u->left == 0)
        return 0;
    lock_acquire(&console_tty.lock);
    err = wait_readable(f, (uint32_t)MIN(u->left, (uint64_t)TTY_INPUT_MAX));
    while (err == 0 && u->left > 0 && console_tty.ready > 0) {
        size_t n = tty_take(&console_tty, piece, MIN(u->left, sizeof(piece)), &eof);
        ssize moved;

        lock_release(&console_tty.lock);
        moved = n > 0 ? uio_out(u, piece, n) : 0;
        lock_acquire(&console_tty.lock);
        if (moved < 0)
            err = (int)moved;
        else
            total += moved;
        if (n == 0 || (console_tty.t.lflag & ICANON && (n < sizeof(piece) || piece[n - 1] == '\n')))
            break;
    }
    lock_release(&console_tty.lock);
    return total > 0 ? total : err;
}

static ssize
console_write(struct file *f, struct uio *u, uint64_t *pos)
{
    uint8_t piece[WRITE_PIECE];
    ssize total = 0;

    (void)f, (void)pos;
    while (u->left > 0) {
        ssize n = uio_in(u, piece, MIN(u->left, sizeof(piece)));
        int err = 0;

        if (n <= 0)
            return total > 0 ? total : n;
        lock_acquire(&console_tty.lock);
        while (console_tty.stopped && err == 0)
            err = wait_sleep(&console_tty.readers, &console_tty.lock, DEADLINE_NEVER, WAIT_INTR);
        if (err == 0)
            tty_output(&console_tty, piece, (size_t)n);
        lock_release(&console_tty.lock);
        if (err != 0)
            return total > 0 ? total : err;
        total += n;
        sched_point();
    }
    return total;
}

static long
set_modes(unsigned cmd, uint64_t arg)
{
    struct termios_k t;

    if (user_copy_in(&t, arg, sizeof(t)) != 0)
        return -EFAULT;
    lock_acquire(&console_tty.lock);
    tty_set(&console_tty, &t, cmd == TCSETSF);
    lock_release(&console_tty.lock);
    return 0;
}

static long
set_size(uint64_t arg)
{
    struct winsize_k size;
    bool changed;

    if (user_copy_in(&size, arg, sizeof(size)) != 0)
        return -EFAULT;
    changed = memcmp(&size, &console_tty.size, sizeof(size)) != 0;
    console_tty.size = size;
    if (changed)
        signal_foreground(28);
    return 0;
}

static long
set_group(uint64_t arg)
{
    int32_t pgid;

    if (user_copy_in(&pgid, arg, sizeof(pgid)) != 0)
        return -EFAULT;
    if (pgid <= 0)
        return -EINVAL;
    console_tty.pgid = (uint32_t)pgid;
    return 0;
}

static long
get_int(uint64_t arg, uint32_t value)
{
    return user_copy_out(arg, &value, sizeof(value)) == 0 ? 0 : -EFAULT;
}

static long
flush_queues(uint64_t which)
{
    if (which > 2)
        return -EINVAL;
    if (which != 1) {
        lock_acquire(&console_tty.lock);
        console_tty.head = console_tty.filled = console_tty.ready = 0;
        lock_release(&console_tty.lock);
    }
    return 0;
}

static long
console_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    (void)f;
    switch (cmd) {
    case TCGETS:
        return user_copy_out(arg, &console_tty.t, sizeof(console_tty.t)) == 0 ? 0 : -EFAULT;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_modes(cmd, arg);
    case TIOCGWINSZ:
        return user_copy_out(arg, &console_tty.size, sizeof(console_tty.size)) == 0 ? 0 : -EFAULT;
    case TIOCSWINSZ:
        return set_size(arg);
    case TIOCGPGRP:
        return get_int(arg, console_tty.pgid);
    case TIOCSPGRP:
        return set_group(arg);
    case TIOCGSID:
        return get_int(arg, console_tty.sid != 0 ? console_tty.sid : 1);
    case FIONREAD:
        return get_int(arg, (uint32_t)tty_readable(&console_tty));
    case TIOCOUTQ:
        return get_int(arg, 0);
    case TCFLSH:
        return flush_queues(arg);
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
    case TIOCSCTTY:
    case TIOCNOTTY:
        return 0;
    default:
        return -ENOTTY;
    }
}

static unsigned
console_ready(struct file *f)
{
    (void)f;
    return (tty_has_input(&console_tty) ? POLLIN | POLLRDNORM : 0) | (console_tty.stopped ? 0 : POLLOUT | POLLWRNORM);
}

static struct waitq *
console_queue(struct file *f)
{
    (void)f;
    return &console_tty.readers;
}

const struct file_ops console_ops = {
    .name = "console",
    .read = console_read,
    .write = console_write,
    .ioctl = console_ioctl,
    .poll = console_ready,
    .poll_queue = console_queue,
};

void
console_init(void)
{
    tty_init(&console_tty);
    console_tty.out = port_out;
    if (devfs_register("console", S_IFCHR | 0620, (unsigned)DEV_NUMBER(5, 1), &console_ops) != 0 ||
        devfs_register("tty", S_IFCHR | 0666, (unsigned)DEV_NUMBER(5, 0), &console_ops) != 0)
        log_print("the console has no place in /dev");
    if (aeg_console_bind(AEG_CAPS(CAP_CONSOLE, CAP_SELF), AEG_CONSOLE_MAIN, session.housekeeper, NOTIFY_CONSOLE) != AEG_OK)
        log_print("the console cannot be read");
    due_register(NOTIFY_CONSOLE, console_poll);
}
