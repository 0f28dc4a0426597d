/*
 * output.c: what a terminal shows: output processing (termios(3), OPOST) and echo, as Linux's N_TTY does them.
 *
 * Holds:    tty.column follows the cursor as far as bytes tell.
 * Not here: editing (tty.c).
 */
#include "tty/termbits.h"
#include "tty/tty.h"

#define TAB_STOP 8

_Static_assert(TAB_STOP <= TTY_GROWS_MAX, "a tab's spaces");

static inline bool
plain(uint8_t c)
{
    return c >= ' ' && c != 127;
}

bool
tty_starts_character(const struct tty *tty, uint8_t c)
{
    return !(tty->t.iflag & IUTF8) || (c & 0xc0) != 0x80;
}

void
tty_out(struct tty *tty, const void *bytes, size_t n)
{
    if (n > 0)
        tty->ops->out(tty, bytes, n);
}

static void
out_newline(struct tty *tty)
{
    if (tty->t.oflag & ONLRET)
        tty->column = 0;
    if (tty->t.oflag & ONLCR) {
        tty->column = tty->line_column = 0;
        tty_out(tty, "\r\n", 2);
        return;
    }
    tty->line_column = tty->column;
    tty_out(tty, "\n", 1);
}

static void
out_return(struct tty *tty)
{
    bool newline = (tty->t.oflag & OCRNL) != 0;

    if ((tty->t.oflag & ONOCR) && tty->column == 0)
        return;
    if (!newline || (tty->t.oflag & ONLRET))
        tty->column = tty->line_column = 0;
    tty_out(tty, newline ? "\n" : "\r", 1);
}

static void
out_tab(struct tty *tty)
{
    uint32_t spaces = TAB_STOP - tty->column % TAB_STOP;

    tty->column += spaces;
    if ((tty->t.oflag & XTABS) == XTABS)
        tty_out(tty, "        ", spaces);
    else
        tty_out(tty, "\t", 1);
}

static void
out_special(struct tty *tty, uint8_t c)
{
    switch (c) {
    case '\n':
        out_newline(tty);
        return;
    case '\r':
        out_return(tty);
        return;
    case '\t':
        out_tab(tty);
        return;
    case '\b':
        if (tty->column > 0)
            tty->column--;
        break;
    default:
        break;
    }
    tty_out(tty, &c, 1);
}

static void
out_upper(struct tty *tty, uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    tty->column += tty_starts_character(tty, c);
    tty_out(tty, &c, 1);
}

void
tty_output(struct tty *tty, const uint8_t *bytes, size_t n)
{
    bool upper = (tty->t.oflag & OLCUC) != 0;

    if (!(tty->t.oflag & OPOST)) {
        tty_out(tty, bytes, n);
        return;
    }
    while (n > 0) {
        size_t run = 0;

        for (; !upper && run < n && plain(bytes[run]); run++)
            tty->column += tty_starts_character(tty, bytes[run]);
        tty_out(tty, bytes, run);
        bytes += run;
        n -= run;
        if (n == 0)
            break;
        if (plain(*bytes))
            out_upper(tty, *bytes);
        else
            out_special(tty, *bytes);
        bytes++;
        n--;
    }
}

uint32_t
tty_width(const struct tty *tty, uint8_t c, uint32_t column)
{
    if (c == '\t')
        return TAB_STOP - column % TAB_STOP;
    if (plain(c))
        return tty_starts_character(tty, c);
    return tty->t.lflag & ECHOCTL ? 2 : 0;
}

void
tty_echo(struct tty *tty, uint8_t c)
{
    uint8_t control[2] = { '^', c ^ 0x40 };

    if (!(tty->t.lflag & ECHO))
        return;
    if (!plain(c) && c != '\t' && (tty->t.lflag & ECHOCTL))
        tty_output(tty, control, 2);
    else
        tty_output(tty, &c, 1);
}
