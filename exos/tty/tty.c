/*
 * tty.c: the line discipline (termios(3), Linux's N_TTY): what becomes of bytes that come in, and what a reader gets.
 *
 * Holds:    a ring of input bytes. In canonical mode only whole lines are readable, the line being typed can still be edited. A marked byte
 *           closes a line; a marked zero byte is an end of file typed by ^D and is not handed to the reader.
 * Not here: the keys that edit (edit.c), what is shown (output.c), the other side (console.c, pty.c), processes.
 */
#include "tty/tty.h"

#include "tty/termbits.h"

#define SIGINT 2
#define SIGQUIT 3
#define SIGTSTP 20

static const struct termios_k defaults = {
    .iflag = ICRNL | IXON,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
            [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22 },
};

void
tty_init(struct tty *tty, const struct tty_ops *ops, uint64_t device)
{
    memset(tty, 0, sizeof(*tty));
    tty->ops = ops;
    tty->t = defaults;
    tty->ispeed = tty->ospeed = 38400;
    tty->device = device;
    lock_init(&tty->lock, LOCK_RANK_CONSOLE);
    waitq_init(&tty->readers);
}

bool
tty_canonical(const struct tty *tty)
{
    return (tty->t.lflag & ICANON) != 0;
}

static bool
marked(const struct tty *tty, uint32_t i)
{
    uint32_t s = tty_slot(tty, i);

    return (tty->mark[s / 8] >> (s % 8) & 1) != 0;
}

static void
mark_set(struct tty *tty, uint32_t i, bool on)
{
    uint32_t s = tty_slot(tty, i);

    tty->mark[s / 8] = (uint8_t)((tty->mark[s / 8] & ~(1u << (s % 8))) | (unsigned)on << (s % 8));
}

static void
changed(struct tty *tty, unsigned what)
{
    if (tty->ops->changed != NULL)
        tty->ops->changed(tty, what);
}

/* ---- output held back ---- */

void
tty_stop(struct tty *tty, bool by_call)
{
    tty->held |= by_call;
    if (!tty->stopped)
        changed(tty, TIOCPKT_STOP);
    tty->stopped = true;
}

void
tty_start(struct tty *tty, bool by_call)
{
    if (by_call)
        tty->held = false;
    if (!tty->stopped || tty->held)
        return;
    tty->stopped = false;
    changed(tty, TIOCPKT_START);
    wake_all(&tty->readers);
}

/* ---- bytes that come in ---- */

static void
append(struct tty *tty, uint8_t c, bool closes)
{
    tty->input[tty_slot(tty, tty->filled)] = c;
    mark_set(tty, tty->filled, closes);
    tty->filled++;
    if (closes || !tty_canonical(tty)) {
        tty->ready = tty->filled;
        wake_all(&tty->readers);
    }
}

static int
signal_of(const struct tty *tty, uint8_t c)
{
    if (!(tty->t.lflag & ISIG))
        return 0;
    if (tty_is_key(tty, VINTR, c))
        return SIGINT;
    if (tty_is_key(tty, VQUIT, c))
        return SIGQUIT;
    return tty_is_key(tty, VSUSP, c) ? SIGTSTP : 0;
}

static void
signal_typed(struct tty *tty, uint8_t c)
{
    if (!(tty->t.lflag & NOFLSH)) {
        tty_flush(tty);
        changed(tty, TIOCPKT_FLUSHWRITE);
    }
    if (tty->t.iflag & IXON)
        tty_start(tty, false);
    tty_echo(tty, c);
}

static bool
flow_control(struct tty *tty, uint8_t c)
{
    if (!(tty->t.iflag & IXON))
        return false;
    if (tty_is_key(tty, VSTART, c))
        tty_start(tty, false);
    else if (tty_is_key(tty, VSTOP, c))
        tty_stop(tty, false);
    else
        return false;
    return true;
}

/* The bits that mean nothing are taken off. */
static uint8_t
translate_bits(const struct tty *tty, uint8_t c)
{
    if (tty->t.iflag & ISTRIP)
        c &= 0x7f;
    if ((tty->t.iflag & IUCLC) && (tty->t.lflag & IEXTEN) && c >= 'A' && c <= 'Z')
        c = (uint8_t)(c - 'A' + 'a');
    return c;
}

/* Line ends are translated. False: the byte is dropped. */
static bool
translate_end(const struct tty *tty, uint8_t *c)
{
    if (*c == '\r' && (tty->t.iflag & IGNCR))
        return false;
    if (*c == '\r' && (tty->t.iflag & ICRNL))
        *c = '\n';
    else if (*c == '\n' && (tty->t.iflag & INLCR))
        *c = '\r';
    return true;
}

bool
tty_accepts(const struct tty *tty)
{
    return tty->filled < TTY_INPUT_MAX - 1 || (tty_canonical(tty) && tty->ready == 0);
}

/* A byte of the line. One place is kept so that a full line can still be ended; what goes beyond is lost. */
static void
typed(struct tty *tty, uint8_t c)
{
    uint32_t line = tty->filled - tty->ready;

    if (tty->filled >= TTY_INPUT_MAX - 1 || (tty_canonical(tty) && line >= TTY_LINE_MAX - 1)) {
        if (tty->t.iflag & IMAXBEL)
            tty_out(tty, "\a", 1);
        return;
    }
    if (line == 0)
        tty->line_column = tty->column;
    tty_echo(tty, c);
    append(tty, c, false);
}

/* Canonical mode: c ends the line, if it does. */
static bool
ends_line(struct tty *tty, uint8_t c)
{
    if (tty->filled >= TTY_INPUT_MAX)
        return false;
    if (c == '\n') {
        if (tty->t.lflag & (ECHO | ECHONL))
            tty_output(tty, &c, 1);
    } else if (tty_is_key(tty, VEOF, c)) {
        c = 0;
    } else if (tty_is_key(tty, VEOL, c) || (tty_is_key(tty, VEOL2, c) && (tty->t.lflag & IEXTEN))) {
        tty_echo(tty, c);
    } else {
        return false;
    }
    append(tty, c, true);
    return true;
}

int
tty_input(struct tty *tty, uint8_t c)
{
    int sig;

    c = translate_bits(tty, c);
    if (tty->next_literal) {
        tty->next_literal = false;
        typed(tty, c);
        return 0;
    }
    if (flow_control(tty, c))
        return 0;
    sig = signal_of(tty, c);
    if (sig != 0) {
        signal_typed(tty, c);
        return sig;
    }
    if ((tty->t.iflag & (IXON | IXANY)) == (IXON | IXANY))
        tty_start(tty, false);
    if (!translate_end(tty, &c))
        return 0;
    if (!tty_canonical(tty) || (!tty_edit(tty, c) && !ends_line(tty, c)))
        typed(tty, c);
    return 0;
}

/* ---- reading ---- */

size_t
tty_readable(const struct tty *tty)
{
    size_t n = 0;

    for (uint32_t i = 0; i < tty->ready; i++)
        n += !(marked(tty, i) && tty->input[tty_slot(tty, i)] == 0);
    return n;
}

static void
drop_first(struct tty *tty)
{
    tty->head = tty_slot(tty, 1);
    tty->filled--;
    tty->ready--;
}

size_t
tty_take(struct tty *tty, uint8_t *out, size_t n, bool *closed)
{
    size_t got = 0;

    *closed = false;
    while (tty->ready > 0 && got < n && !*closed) {
        uint8_t c = tty->input[tty->head];

        *closed = marked(tty, 0);
        drop_first(tty);
        if (!*closed || c != 0)
            out[got++] = c;
    }
    /* An end of file directly behind a full buffer belongs to this read. */
    if (got > 0 && !*closed && tty->ready > 0 && marked(tty, 0) && tty->input[tty->head] == 0) {
        drop_first(tty);
        *closed = true;
    }
    changed(tty, 0);
    return got;
}

void
tty_flush(struct tty *tty)
{
    tty->head = tty->filled = tty->ready = 0;
    changed(tty, TIOCPKT_FLUSHREAD);
}

/* ---- modes ---- */

/* Between canonical and raw mode what was typed stays readable: as bytes; as one line. */
static void
mode_changes(struct tty *tty)
{
    memset(tty->mark, 0, sizeof(tty->mark));
    tty->ready = tty->filled;
    if (tty_canonical(tty) && tty->filled > 0)
        mark_set(tty, tty->filled - 1, true);
}

static bool
usual_flow(const struct termios_k *t)
{
    return (t->iflag & IXON) && t->cc[VSTOP] == 19 && t->cc[VSTART] == 17;
}

static uint32_t
unlocked(uint32_t old, uint32_t new, uint32_t locked)
{
    return (old & locked) | (new & ~locked);
}

/* What becomes of the modes when they are set, but for those that are locked. */
static struct termios_k
with_locked(const struct tty *tty, const struct termios_k *t)
{
    const struct termios_k *old = &tty->t, *l = &tty->locked;
    struct termios_k new = *t;

    new.iflag = unlocked(old->iflag, t->iflag, l->iflag);
    new.oflag = unlocked(old->oflag, t->oflag, l->oflag);
    new.cflag = unlocked(old->cflag, t->cflag, l->cflag);
    new.lflag = unlocked(old->lflag, t->lflag, l->lflag);
    new.line = l->line != 0 ? old->line : t->line;
    for (unsigned n = 0; n < ARRAY_SIZE(new.cc); n++)
        if (l->cc[n] != 0)
            new.cc[n] = old->cc[n];
    return new;
}

void
tty_set(struct tty *tty, const struct termios_k *wanted, bool flush)
{
    struct termios_k old = tty->t, new = with_locked(tty, wanted), *t = &new;

    if (flush)
        tty_flush(tty);
    tty->t = *t;
    tty->t.cflag = (t->cflag & ~(CSIZE | PARENB)) | CS8 | CREAD;
    if ((old.lflag ^ t->lflag) & ICANON)
        mode_changes(tty);
    if ((old.iflag & IXON) && !(t->iflag & IXON))
        tty_start(tty, false);
    if (usual_flow(&old) != usual_flow(t))
        changed(tty, usual_flow(t) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
    wake_all(&tty->readers);
}
