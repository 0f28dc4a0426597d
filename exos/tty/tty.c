/*
 * tty.c: the line discipline (termios(3), Linux's N_TTY): editing, signals by keys, and what a reader gets.
 *
 * Holds:    a ring of input bytes. In canonical mode only whole lines are readable, the line being typed can still be edited. A marked byte
 *           closes a line; a marked zero byte is an end of file typed by ^D and is not handed to the reader.
 * Not here: what is shown (output.c), the other side (console.c, pty.c), processes.
 */
#include "tty/tty.h"

#include "tty/termbits.h"

#define INPUT_MASK (TTY_INPUT_MAX - 1)

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

static inline uint32_t
slot(const struct tty *tty, uint32_t i)
{
    return (tty->head + i) & INPUT_MASK;
}

static bool
marked(const struct tty *tty, uint32_t i)
{
    uint32_t s = slot(tty, i);

    return (tty->mark[s / 8] >> (s % 8) & 1) != 0;
}

static void
mark_set(struct tty *tty, uint32_t i, bool on)
{
    uint32_t s = slot(tty, i);

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

/* ---- editing the line that is being typed ---- */

/* The column behind what has been typed of the line. */
static uint32_t
typed_column(const struct tty *tty)
{
    uint32_t column = tty->line_column;

    for (uint32_t i = tty->ready; i < tty->filled; i++)
        column += tty_width(tty, tty->input[slot(tty, i)], column);
    return column;
}

/* Takes the last character of the unfinished line away, with all bytes of a UTF-8 sequence; gives its first. False: the line is empty. */
static bool
take_last(struct tty *tty, uint8_t *c)
{
    do {
        if (tty->filled == tty->ready)
            return false;
        *c = tty->input[slot(tty, --tty->filled)];
    } while (!tty_starts_character(tty, *c));
    return true;
}

static bool
erase_one(struct tty *tty)
{
    uint8_t c;

    if (!take_last(tty, &c))
        return false;
    if (!(tty->t.lflag & ECHO))
        return true;
    if (!(tty->t.lflag & ECHOE)) {
        tty_echo(tty, tty->t.cc[VERASE]);
        return true;
    }
    for (uint32_t i = tty_width(tty, c, typed_column(tty)); i > 0; i--)
        tty_output(tty, (const uint8_t *)"\b \b", c == '\t' ? 1 : 3);
    return true;
}

static uint8_t
last_typed(const struct tty *tty)
{
    return tty->filled > tty->ready ? tty->input[slot(tty, tty->filled - 1)] : 0;
}

static bool
of_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static void
erase_word(struct tty *tty)
{
    while (!of_word(last_typed(tty)) && erase_one(tty))
        ;
    while (of_word(last_typed(tty)))
        erase_one(tty);
}

static void
erase_line(struct tty *tty)
{
    const uint32_t visibly = ECHO | ECHOK | ECHOKE | ECHOE;

    if (tty->filled == tty->ready)
        return;
    if ((tty->t.lflag & visibly) == visibly) {
        while (erase_one(tty))
            ;
        return;
    }
    tty->filled = tty->ready;
    tty_echo(tty, tty->t.cc[VKILL]);
    if ((tty->t.lflag & ECHO) && (tty->t.lflag & ECHOK))
        tty_output(tty, (const uint8_t *)"\n", 1);
}

static void
reprint(struct tty *tty)
{
    tty_echo(tty, tty->t.cc[VREPRINT]);
    tty_output(tty, (const uint8_t *)"\n", 1);
    for (uint32_t i = tty->ready; i < tty->filled; i++)
        tty_echo(tty, tty->input[slot(tty, i)]);
}

static void
append(struct tty *tty, uint8_t c, bool closes)
{
    tty->input[slot(tty, tty->filled)] = c;
    mark_set(tty, tty->filled, closes);
    tty->filled++;
    if (closes || !tty_canonical(tty)) {
        tty->ready = tty->filled;
        wake_all(&tty->readers);
    }
}

static inline bool
is_cc(const struct tty *tty, unsigned which, uint8_t c)
{
    return c == tty->t.cc[which] && c != 0;
}

static void
literal_next(struct tty *tty)
{
    tty->next_literal = true;
    if ((tty->t.lflag & (ECHO | ECHOCTL)) == (ECHO | ECHOCTL))
        tty_output(tty, (const uint8_t *)"^\b", 2);
}

/* Handles the bytes that edit. True: c was one. */
static bool
edit(struct tty *tty, uint8_t c)
{
    bool extended = (tty->t.lflag & IEXTEN) != 0;

    if (is_cc(tty, VERASE, c))
        (void)erase_one(tty);
    else if (is_cc(tty, VKILL, c))
        erase_line(tty);
    else if (extended && is_cc(tty, VWERASE, c))
        erase_word(tty);
    else if (extended && is_cc(tty, VLNEXT, c))
        literal_next(tty);
    else if (extended && is_cc(tty, VREPRINT, c) && (tty->t.lflag & ECHO))
        reprint(tty);
    else
        return false;
    return true;
}

/* ---- bytes that come in ---- */

static int
signal_of(const struct tty *tty, uint8_t c)
{
    if (!(tty->t.lflag & ISIG))
        return 0;
    if (is_cc(tty, VINTR, c))
        return SIGINT;
    if (is_cc(tty, VQUIT, c))
        return SIGQUIT;
    return is_cc(tty, VSUSP, c) ? SIGTSTP : 0;
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
    if (is_cc(tty, VSTART, c))
        tty_start(tty, false);
    else if (is_cc(tty, VSTOP, c))
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
    } else if (is_cc(tty, VEOF, c)) {
        c = 0;
    } else if (is_cc(tty, VEOL, c) || (is_cc(tty, VEOL2, c) && (tty->t.lflag & IEXTEN))) {
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
    if (!tty_canonical(tty) || (!edit(tty, c) && !ends_line(tty, c)))
        typed(tty, c);
    return 0;
}

/* ---- reading ---- */

size_t
tty_readable(const struct tty *tty)
{
    size_t n = 0;

    for (uint32_t i = 0; i < tty->ready; i++)
        n += !(marked(tty, i) && tty->input[slot(tty, i)] == 0);
    return n;
}

static void
drop_first(struct tty *tty)
{
    tty->head = (tty->head + 1) & INPUT_MASK;
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

void
tty_set(struct tty *tty, const struct termios_k *t, bool flush)
{
    struct termios_k old = tty->t;

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
