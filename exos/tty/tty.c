/*
 * tty.c: the line discipline (termios(3), N_TTY): editing, echo, signals, output processing.
 *
 * Holds:    a ring of input bytes. In canonical mode only whole lines are readable, the line being typed can still be edited. A marked byte
 *           closes a line; a marked zero byte is an end of file typed by ^D and is not handed to the reader.
 * Not here: the keys and the screen (console.c), processes.
 */
#include "tty/tty.h"

#include "tty/termbits.h"

#define TAB_STOP 8
#define INPUT_MASK (TTY_INPUT_MAX - 1)

#define SIGINT 2
#define SIGQUIT 3
#define SIGTSTP 20

static const struct termios_k defaults = {
    .iflag = ICRNL | IXON | IUTF8,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD | HUPCL,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
            [VSUSP] = 26, [VREPRINT] = 18, [VWERASE] = 23, [VLNEXT] = 22 },
};

void
tty_init(struct tty *tty)
{
    *tty = (struct tty){ .t = defaults, .size = { 25, 80, 0, 0 } };
    lock_init(&tty->lock, LOCK_RANK_CONSOLE);
    waitq_init(&tty->readers);
}

static inline bool
canonical(const struct tty *tty)
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

/* ---- output ---- */

static void
raw_out(struct tty *tty, const void *bytes, size_t n)
{
    if (tty->out != NULL && n > 0)
        tty->out(tty, bytes, n);
}

static void
out_special(struct tty *tty, uint8_t c)
{
    switch (c) {
    case '\n':
        if (tty->t.oflag & ONLCR) {
            tty->column = 0;
            raw_out(tty, "\r\n", 2);
            return;
        }
        if (tty->t.oflag & ONLRET)
            tty->column = 0;
        break;
    case '\r':
        if ((tty->t.oflag & ONOCR) && tty->column == 0)
            return;
        tty->column = 0;
        if (tty->t.oflag & OCRNL)
            c = '\n';
        break;
    case '\t':
        tty->column = (tty->column / TAB_STOP + 1) * TAB_STOP;
        break;
    case '\b':
        if (tty->column > 0)
            tty->column--;
        break;
    default:
        break;
    }
    raw_out(tty, &c, 1);
}

static inline bool
plain(uint8_t c)
{
    return c >= ' ' && c != 127;
}

/* A byte that starts a character: the others of a UTF-8 sequence take no column. */
static inline bool
starts_character(const struct tty *tty, uint8_t c)
{
    return !(tty->t.iflag & IUTF8) || (c & 0xc0) != 0x80;
}

void
tty_output(struct tty *tty, const uint8_t *bytes, size_t n)
{
    if (!(tty->t.oflag & OPOST)) {
        raw_out(tty, bytes, n);
        return;
    }
    while (n > 0) {
        size_t run = 0;

        for (; run < n && plain(bytes[run]); run++)
            tty->column += starts_character(tty, bytes[run]);
        raw_out(tty, bytes, run);
        bytes += run;
        n -= run;
        if (n > 0) {
            out_special(tty, *bytes++);
            n--;
        }
    }
}

static void
echo(struct tty *tty, uint8_t c)
{
    uint8_t control[2] = { '^', c ^ 0x40 };

    if (!(tty->t.lflag & ECHO) && !(c == '\n' && (tty->t.lflag & ECHONL) && canonical(tty)))
        return;
    if (!plain(c) && c != '\t' && c != '\n' && (tty->t.lflag & ECHOCTL))
        tty_output(tty, control, 2);
    else
        tty_output(tty, &c, 1);
}

/* ---- editing the line that is being typed ---- */

static uint32_t
width_of(const struct tty *tty, uint8_t c)
{
    return plain(c) ? 1 : tty->t.lflag & ECHOCTL ? 2 : 0;
}

/* The last character of the unfinished line, with all bytes of a UTF-8 sequence. False: the line is empty. */
static bool
erase_one(struct tty *tty, bool show)
{
    uint8_t c;

    do {
        if (tty->filled == tty->ready)
            return false;
        c = tty->input[slot(tty, --tty->filled)];
    } while (!starts_character(tty, c));
    if (!show || !(tty->t.lflag & ECHO))
        return true;
    if (!(tty->t.lflag & ECHOE)) {
        echo(tty, tty->t.cc[VERASE]);
        return true;
    }
    for (uint32_t i = c == '\t' ? 1 : width_of(tty, c); i > 0; i--)
        tty_output(tty, (const uint8_t *)"\b \b", 3);
    return true;
}

static uint8_t
last_typed(const struct tty *tty)
{
    return tty->filled > tty->ready ? tty->input[slot(tty, tty->filled - 1)] : 0;
}

static void
erase_word(struct tty *tty)
{
    while (last_typed(tty) == ' ' || last_typed(tty) == '\t')
        erase_one(tty, true);
    while (last_typed(tty) != 0 && last_typed(tty) != ' ' && last_typed(tty) != '\t')
        erase_one(tty, true);
}

static void
erase_line(struct tty *tty)
{
    bool visible = (tty->t.lflag & (ECHOK | ECHOKE | ECHOE)) == (ECHOK | ECHOKE | ECHOE);

    while (erase_one(tty, visible))
        ;
    if (!visible && (tty->t.lflag & ECHOK))
        echo(tty, '\n');
}

static void
reprint(struct tty *tty)
{
    echo(tty, '\n');
    for (uint32_t i = tty->ready; i < tty->filled; i++)
        echo(tty, tty->input[slot(tty, i)]);
}

static void
append(struct tty *tty, uint8_t c, bool closes)
{
    tty->input[slot(tty, tty->filled)] = c;
    mark_set(tty, tty->filled, closes);
    tty->filled++;
    if (closes || !canonical(tty)) {
        tty->ready = tty->filled;
        wake_all(&tty->readers);
    }
}

static inline bool
is_cc(const struct tty *tty, unsigned which, uint8_t c)
{
    return c == tty->t.cc[which] && c != 0;
}

/* Handles the bytes that edit. True: c was one. */
static bool
edit(struct tty *tty, uint8_t c)
{
    if (is_cc(tty, VERASE, c) || (c == '\b' && tty->t.cc[VERASE] == 127))
        erase_one(tty, true);
    else if (is_cc(tty, VKILL, c))
        erase_line(tty);
    else if (is_cc(tty, VWERASE, c) && (tty->t.lflag & IEXTEN))
        erase_word(tty);
    else if (is_cc(tty, VREPRINT, c) && (tty->t.lflag & IEXTEN))
        reprint(tty);
    else if (is_cc(tty, VLNEXT, c) && (tty->t.lflag & IEXTEN))
        tty->next_literal = true;
    else if (is_cc(tty, VEOF, c))
        append(tty, 0, true);
    else
        return false;
    return true;
}

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
flush_input(struct tty *tty)
{
    tty->head = tty->filled = tty->ready = 0;
}

/* Translates by iflag. False: the byte is dropped. */
static bool
translate(const struct tty *tty, uint8_t *c)
{
    if (tty->t.iflag & ISTRIP)
        *c &= 0x7f;
    if (*c == '\r' && (tty->t.iflag & IGNCR))
        return false;
    if (*c == '\r' && (tty->t.iflag & ICRNL))
        *c = '\n';
    else if (*c == '\n' && (tty->t.iflag & INLCR))
        *c = '\r';
    return true;
}

static bool
flow_control(struct tty *tty, uint8_t c)
{
    if (!(tty->t.iflag & IXON) || !(is_cc(tty, VSTART, c) || is_cc(tty, VSTOP, c)))
        return false;
    tty->stopped = is_cc(tty, VSTOP, c);
    if (!tty->stopped)
        wake_all(&tty->readers);
    return true;
}

/* A line end, or an ordinary byte, in canonical mode. One place is kept so that a full line can still be ended. */
static void
typed(struct tty *tty, uint8_t c, bool literal)
{
    bool ends = !literal && (c == '\n' || is_cc(tty, VEOL, c) || is_cc(tty, VEOL2, c));

    if (tty->filled >= TTY_INPUT_MAX - (ends ? 0u : 1u)) {
        raw_out(tty, "\a", 1);
        return;
    }
    echo(tty, c);
    append(tty, c, ends);
}

int
tty_input(struct tty *tty, uint8_t c)
{
    int sig;

    if (tty->next_literal) {
        tty->next_literal = false;
        typed(tty, c, true);
        return 0;
    }
    if (!translate(tty, &c) || flow_control(tty, c))
        return 0;
    sig = signal_of(tty, c);
    if (sig != 0) {
        if (!(tty->t.lflag & NOFLSH))
            flush_input(tty);
        echo(tty, c);
        if (tty->t.lflag & ECHO)
            tty_output(tty, (const uint8_t *)"\n", tty->t.lflag & ECHOCTL ? 1 : 0);
        return sig;
    }
    if (canonical(tty)) {
        if (!edit(tty, c))
            typed(tty, c, false);
    } else if (tty->filled < TTY_INPUT_MAX) {
        echo(tty, c);
        append(tty, c, false);
    }
    return 0;
}

/* ---- reading ---- */

bool
tty_has_input(const struct tty *tty)
{
    return tty->ready > 0;
}

size_t
tty_readable(const struct tty *tty)
{
    size_t n = 0;

    for (uint32_t i = 0; i < tty->ready; i++)
        n += !(marked(tty, i) && tty->input[slot(tty, i)] == 0);
    return n;
}

size_t
tty_take(struct tty *tty, uint8_t *out, size_t n, bool *eof)
{
    size_t got = 0;

    *eof = false;
    while (tty->ready > 0 && got < n) {
        uint8_t c = tty->input[tty->head];
        bool closes = marked(tty, 0);

        tty->head = (tty->head + 1) & INPUT_MASK;
        tty->filled--;
        tty->ready--;
        if (closes && c == 0) {
            *eof = got == 0;
            return got;
        }
        out[got++] = c;
        if (closes && canonical(tty))
            return got;
    }
    /* An end of file directly behind a full buffer belongs to this read. */
    if (got > 0 && tty->ready > 0 && canonical(tty) && marked(tty, 0) && tty->input[tty->head] == 0) {
        tty->head = (tty->head + 1) & INPUT_MASK;
        tty->filled--;
        tty->ready--;
    }
    return got;
}

/* Leaving canonical mode makes what was typed readable; entering it leaves it so. */
void
tty_set(struct tty *tty, const struct termios_k *t, bool flush)
{
    tty->t = *t;
    if (flush)
        flush_input(tty);
    if (!canonical(tty) && tty->ready != tty->filled) {
        tty->ready = tty->filled;
        wake_all(&tty->readers);
    }
}
