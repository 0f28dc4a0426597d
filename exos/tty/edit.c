/*
 * edit.c: editing the line that is being typed (termios(3), canonical mode), and how that is shown.
 */
#include "tty/termbits.h"
#include "tty/tty.h"

/* The column behind what has been typed of the line. */
static uint32_t
typed_column(const struct tty *tty)
{
    uint32_t column = tty->line_column;

    for (uint32_t i = tty->ready; i < tty->filled; i++)
        column += tty_width(tty, tty->input[tty_slot(tty, i)], column);
    return column;
}

/* Takes the last character of the unfinished line away, with all bytes of a UTF-8 sequence; gives its first. False: the line is empty. */
static bool
take_last(struct tty *tty, uint8_t *c)
{
    do {
        if (tty->filled == tty->ready)
            return false;
        *c = tty->input[tty_slot(tty, --tty->filled)];
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
    return tty->filled > tty->ready ? tty->input[tty_slot(tty, tty->filled - 1)] : 0;
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
        tty_echo(tty, tty->input[tty_slot(tty, i)]);
}

static void
literal_next(struct tty *tty)
{
    tty->next_literal = true;
    if ((tty->t.lflag & (ECHO | ECHOCTL)) == (ECHO | ECHOCTL))
        tty_output(tty, (const uint8_t *)"^\b", 2);
}

bool
tty_edit(struct tty *tty, uint8_t c)
{
    bool extended = (tty->t.lflag & IEXTEN) != 0;

    if (tty_is_key(tty, VERASE, c))
        (void)erase_one(tty);
    else if (tty_is_key(tty, VKILL, c))
        erase_line(tty);
    else if (extended && tty_is_key(tty, VWERASE, c))
        erase_word(tty);
    else if (extended && tty_is_key(tty, VLNEXT, c))
        literal_next(tty);
    else if (extended && tty_is_key(tty, VREPRINT, c) && (tty->t.lflag & ECHO))
        reprint(tty);
    else
        return false;
    return true;
}
