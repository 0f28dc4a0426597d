/*
 * edit.c: a line typed on a terminal: modes, bytes into keys, and the line on the screen.
 *
 * The screen is driven with carriage returns, blanks and backspaces alone, so that the plainest
 * console will do.
 */
#include "edit.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN     20

void
edit_put(const char *text, size_t len)
{
    fd_write(STDERR_FILENO, text, len);
}

/* Columns of UTF-8 text: bytes that do not continue a character. */
static size_t
columns_of(const char *p, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)p[i] & 0xc0) != 0x80;
    return n;
}

/* Where the part of the line begins that is shown: far enough right that the cursor is on the
 * screen. */
static size_t
first_shown(const struct editor *e, size_t room)
{
    size_t first = 0;

    while (columns_of(e->buf + first, e->cursor - first) >= room)
        do
            first++;
        while (((unsigned char)e->buf[first] & 0xc0) == 0x80);
    return first;
}

static size_t
last_shown(const struct editor *e, size_t first, size_t room)
{
    size_t last = first, used = 0;

    while (last < e->len && used + (((unsigned char)e->buf[last] & 0xc0) != 0x80) <= room)
        used += ((unsigned char)e->buf[last++] & 0xc0) != 0x80;
    return last;
}

/* Where only characters were added at the end, and there is room, only they are put out. */
static bool
redraw_appended(struct editor *e, size_t room)
{
    size_t added = e->len - e->drawn;

    if (!e->at_end || e->cursor != e->len || e->len < e->drawn ||
        columns_of(e->buf, e->len) >= room)
        return false;
    edit_put(e->buf + e->drawn, added);
    e->shown += columns_of(e->buf + e->drawn, added);
    e->drawn = e->len;
    return true;
}

/* Draws prompt and line, wipes what was longer before, and goes back to the cursor. One write. */
void
edit_redraw(struct editor *e)
{
    size_t prompt_columns = columns_of(e->prompt, strlen(e->prompt));
    size_t room = e->columns > prompt_columns + 10 ? e->columns - prompt_columns - 1 : 10;
    size_t first = first_shown(e, room), last = last_shown(e, first, room);
    size_t shown = prompt_columns + columns_of(e->buf + first, last - first);
    struct str out = {0};

    if (redraw_appended(e, room))
        return;
    str_putc(&out, '\r');
    str_puts(&out, e->prompt);
    str_put(&out, e->buf + first, last - first);
    for (size_t i = shown; i < e->shown; i++)
        str_putc(&out, ' ');
    if (e->shown > shown || e->cursor < last) {
        str_putc(&out, '\r');
        str_puts(&out, e->prompt);
        str_put(&out, e->buf + first, e->cursor - first);
    }
    edit_put(out.p, out.len);
    str_free(&out);
    e->shown = shown;
    e->drawn = e->len;
    e->at_end = false;
}

static int
read_byte(void)
{
    unsigned char c;
    ssize_t n;

    do
        n = read(STDIN_FILENO, &c, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? c : KEY_EOF;
}

/* Behind ESC: [ or O, then a letter, or digits and ~. */
static int
read_sequence(void)
{
    static const char letters[] = "ABDCHF";
    int c = read_byte(), digit = 0;
    const char *at;

    if (c != '[' && c != 'O')
        return KEY_NONE;
    c = read_byte();
    for (int i = 0; i < 8 && ((c >= '0' && c <= '9') || c == ';'); i++) {
        digit = i == 0 ? c : digit;
        c = read_byte();
    }
    if (c == '~')
        return digit == '1' || digit == '7'   ? KEY_HOME
               : digit == '4' || digit == '8' ? KEY_END
               : digit == '3'                 ? KEY_DELETE
                                              : KEY_NONE;
    at = c > 0 && c < 256 ? strchr(letters, c) : NULL;
    return at != NULL ? KEY_UP + (int)(at - letters) : KEY_NONE;
}

static int
read_key(void)
{
    int c = read_byte();

    return c == '\033' ? read_sequence() : c;
}

static enum edit_result
edit_loop(struct editor *e)
{
    enum edit_result result = EDIT_MORE;

    edit_redraw(e);
    while (result == EDIT_MORE)
        result = edit_key(e, read_key());
    e->cursor = e->len;
    if (result == EDIT_DONE)
        edit_redraw(e);
    if (result == EDIT_CANCEL)
        edit_put("^C", 2);
    edit_put("\n", 1);
    return result;
}

static size_t
terminal_columns(void)
{
    struct winsize w;

    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < COLUMNS_MIN)
        return COLUMNS_DEFAULT;
    return w.ws_col;
}

/* Without a terminal that can be set: a plain line. */
static ssize_t
plain_line(const char *prompt, char *buf, size_t size)
{
    size_t len = 0;
    int c;

    edit_put(prompt, strlen(prompt));
    while ((c = read_byte()) != '\n' && c != KEY_EOF)
        if (len + 1 < size)
            buf[len++] = (char)c;
    buf[len] = '\0';
    return c == KEY_EOF && len == 0 ? -1 : (ssize_t)len;
}

/* Lets somebody type a line; gives its length, without newline. -1: the input is at its end. ^C
 * gives an empty line and sh.interrupted. */
ssize_t
edit_line(const char *prompt, char *buf, size_t size)
{
    static struct editor e;
    struct termios before, raw;
    enum edit_result result;

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return plain_line(prompt, buf, size);
    raw = before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= (tcflag_t) ~(ICRNL | INLCR | IXON);
    raw.c_oflag |= OPOST | ONLCR;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    buf[0] = '\0';
    e.prompt = prompt;
    e.buf = buf;
    e.size = size;
    e.len = e.cursor = e.shown = e.drawn = e.back = 0;
    e.at_end = false;
    e.columns = terminal_columns();
    e.tab_before = false;
    result = edit_loop(&e);
    raw.c_lflag |= ICANON | ECHO | ECHOE | ECHOK | ISIG | IEXTEN;
    raw.c_iflag |= ICRNL;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    sh.interrupted = result == EDIT_CANCEL;
    return result == EDIT_END ? -1 : result == EDIT_CANCEL ? 0 : (ssize_t)e.len;
}
