/*
 * screen.c: the ANSI terminal behind the VGA screen: enough for line editors, pagers and vi.
 *
 * Holds:    printable ASCII and code page 437, CR LF BS TAB, cursor moves, erasing, insertion and deletion, scrolling regions, colours.
 * Not here: answers (a terminal on the serial port gives those), character sets, double-width text: bytes of UTF-8 beyond ASCII show as one
 *           question mark a character.
 * Source:   ECMA-48; what is private follows xterm.
 */
#include "arch/x86_64/screen.h"

#include "core/kernel.h"

static uint16_t
blank(const struct screen *s)
{
    static const uint8_t vga[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };

    return (uint16_t)(vga[s->background & 7] << 12 | 0x0700 | ' ');
}

static uint16_t
attribute(const struct screen *s)
{
    static const uint8_t vga[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
    unsigned f = vga[s->foreground & 7] | (s->bright || s->foreground & 8 ? 8u : 0u), b = vga[s->background & 7];

    return (uint16_t)(s->reverse ? (f & 7) << 12 | b << 8 : b << 12 | f << 8);
}

static int
clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static void
fill(struct screen *s, int from, int to)
{
    uint16_t b = blank(s);

    for (int i = from; i < to; i++)
        s->cell[i] = b;
}

/* Moves the lines top..bottom up by n (down when negative); what appears is blank. */
static void
scroll(struct screen *s, int top, int bottom, int n)
{
    int lines = bottom - top + 1, keep;

    n = clamp(n, -lines, lines);
    keep = (lines - (n < 0 ? -n : n)) * SCREEN_COLUMNS;
    top *= SCREEN_COLUMNS;
    bottom = (bottom + 1) * SCREEN_COLUMNS;
    if (n > 0) {
        memmove(&s->cell[top], &s->cell[top + n * SCREEN_COLUMNS], (size_t)keep * sizeof(s->cell[0]));
        fill(s, top + keep, bottom);
        if (keep > 0 && lines == SCREEN_ROWS)
            s->scrolled += n;
    } else {
        memmove(&s->cell[bottom - keep], &s->cell[top], (size_t)keep * sizeof(s->cell[0]));
        fill(s, top, bottom - keep);
    }
}

static void
line_feed(struct screen *s)
{
    if (s->row == s->bottom)
        scroll(s, s->top, s->bottom, 1);
    else if (s->row < SCREEN_ROWS - 1)
        s->row++;
}

static void
put(struct screen *s, uint8_t c)
{
    if (s->column >= SCREEN_COLUMNS) {
        s->column = 0;
        line_feed(s);
    }
    s->cell[s->row * SCREEN_COLUMNS + s->column++] = attribute(s) | c;
}

static void
control(struct screen *s, uint8_t c)
{
    switch (c) {
    case '\r': s->column = 0; break;
    case '\n': case '\v': case '\f': line_feed(s); break;
    case '\b': s->column = MAX(MIN(s->column, SCREEN_COLUMNS - 1) - 1, 0); break;
    case '\t': s->column = MIN((s->column | 7) + 1, SCREEN_COLUMNS - 1); break;
    case 0x1b: s->state = SCREEN_ESCAPE; break;
    default: break;
    }
}

static void
text(struct screen *s, uint8_t c)
{
    if (c < 0x20)
        control(s, c);
    else if (c < 0x7f)
        put(s, c);
    else if (c >= 0xc0)         /* a UTF-8 character begins; 0x80-0xbf go on with it */
        put(s, '?');
}

static void
move(struct screen *s, int row, int column)
{
    s->row = clamp(row, 0, SCREEN_ROWS - 1);
    s->column = clamp(column, 0, SCREEN_COLUMNS - 1);
}

static void
escape(struct screen *s, uint8_t c)
{
    s->state = SCREEN_TEXT;
    switch (c) {
    case '[':
        s->state = SCREEN_CSI;
        s->param_count = 0;
        s->private_mode = false;
        for (int i = 0; i < SCREEN_PARAMS; i++)
            s->param[i] = 0;
        break;
    case ']': case 'P': case '_': case '^': s->state = SCREEN_STRING; break;
    case '(': case ')': case '#': case '%': s->state = SCREEN_IGNORE_ONE; break;
    case '7': s->saved_row = s->row, s->saved_column = s->column; break;
    case '8': move(s, s->saved_row, s->saved_column); break;
    case 'D': line_feed(s); break;
    case 'E': s->column = 0; line_feed(s); break;
    case 'M':
        if (s->row == s->top)
            scroll(s, s->top, s->bottom, -1);
        else
            s->row = MAX(s->row - 1, 0);
        break;
    case 'c': screen_init(s); break;
    default: break;
    }
}

static void
colour(struct screen *s, int p)
{
    if (p == 0)
        s->foreground = 7, s->background = 0, s->bright = s->reverse = false;
    else if (p == 1)
        s->bright = true;
    else if (p == 22)
        s->bright = false;
    else if (p == 7 || p == 27)
        s->reverse = p == 7;
    else if (p >= 30 && p <= 37)
        s->foreground = (uint8_t)(p - 30);
    else if (p == 39)
        s->foreground = 7;
    else if (p >= 40 && p <= 47)
        s->background = (uint8_t)(p - 40);
    else if (p == 49)
        s->background = 0;
    else if (p >= 90 && p <= 97)
        s->foreground = (uint8_t)(p - 90 + 8);
    else if (p >= 100 && p <= 107)
        s->background = (uint8_t)(p - 100);
}

static void
colours(struct screen *s)
{
    for (int i = 0; i < MAX(s->param_count, 1); i++) {
        if (s->param[i] == 38 || s->param[i] == 48)
            return;             /* 256 and true colours: not on this screen, and their numbers are no attributes */
        colour(s, s->param[i]);
    }
}

static void
erase(struct screen *s, int from, int here, int to, int how)
{
    if (how == 0)
        fill(s, here, to);
    else if (how == 1)
        fill(s, from, MIN(here + 1, to));
    else
        fill(s, from, to);
}

/* Inserts (n > 0) or deletes cells at the cursor; the rest of the line moves. */
static void
shift_line(struct screen *s, int n)
{
    int column = MIN(s->column, SCREEN_COLUMNS - 1), rest = SCREEN_COLUMNS - column;
    int line = s->row * SCREEN_COLUMNS, here = line + column, end = line + SCREEN_COLUMNS;

    n = clamp(n, -rest, rest);
    if (n > 0) {
        for (int i = end - 1; i >= here + n; i--)
            s->cell[i] = s->cell[i - n];
        fill(s, here, here + n);
    } else {
        for (int i = here; i < end + n; i++)
            s->cell[i] = s->cell[i - n];
        fill(s, end + n, end);
    }
}

static void
set_region(struct screen *s)
{
    int top = MAX(s->param[0], 1) - 1, bottom = s->param[1] == 0 ? SCREEN_ROWS - 1 : MIN(s->param[1], SCREEN_ROWS) - 1;

    if (top >= bottom)
        return;
    s->top = top;
    s->bottom = bottom;
    move(s, 0, 0);
}

static void
erase_command(struct screen *s, uint8_t c, int n)
{
    int line = s->row * SCREEN_COLUMNS, here = line + MIN(s->column, SCREEN_COLUMNS - 1);
    bool in_region = s->row >= s->top && s->row <= s->bottom;

    switch (c) {
    case 'J': erase(s, 0, here, SCREEN_CELLS, s->param[0]); break;
    case 'K': erase(s, line, here, line + SCREEN_COLUMNS, s->param[0]); break;
    case 'X': fill(s, here, MIN(here + n, line + SCREEN_COLUMNS)); break;
    case '@': shift_line(s, n); break;
    case 'P': shift_line(s, -n); break;
    case 'L': if (in_region) scroll(s, s->row, s->bottom, -n); break;
    case 'M': if (in_region) scroll(s, s->row, s->bottom, n); break;
    case 'S': scroll(s, s->top, s->bottom, n); break;
    case 'T': scroll(s, s->top, s->bottom, -n); break;
    default: break;
    }
}

static void
command(struct screen *s, uint8_t c)
{
    int n = clamp(s->param[0], 1, SCREEN_CELLS), column = MIN(s->column, SCREEN_COLUMNS - 1);

    if (s->private_mode) {
        if ((c == 'h' || c == 'l') && s->param[0] == 25)
            s->cursor_hidden = c == 'l';
        return;
    }
    switch (c) {
    case 'A': move(s, s->row - n, column); break;
    case 'B': case 'e': move(s, s->row + n, column); break;
    case 'C': case 'a': move(s, s->row, column + n); break;
    case 'D': move(s, s->row, column - n); break;
    case 'E': move(s, s->row + n, 0); break;
    case 'F': move(s, s->row - n, 0); break;
    case 'G': case '`': move(s, s->row, n - 1); break;
    case 'd': move(s, n - 1, column); break;
    case 'H': case 'f': move(s, n - 1, MAX(s->param[1], 1) - 1); break;
    case 'm': colours(s); break;
    case 'r': set_region(s); break;
    case 's': s->saved_row = s->row, s->saved_column = s->column; break;
    case 'u': move(s, s->saved_row, s->saved_column); break;
    default: erase_command(s, c, n);
    }
}

/* ESC [ ? parameters ; ... intermediate bytes, final byte. */
static void
csi(struct screen *s, uint8_t c)
{
    if (c >= '0' && c <= '9') {
        if (s->param_count == 0)
            s->param_count = 1;
        if (s->param_count <= SCREEN_PARAMS)
            s->param[s->param_count - 1] = MIN(s->param[s->param_count - 1] * 10 + c - '0', 9999);
    } else if (c == ';') {
        s->param_count = MIN(MAX(s->param_count, 1) + 1, SCREEN_PARAMS);
    } else if (c == '?' || c == '>' || c == '=') {
        s->private_mode = true;
    } else if (c >= 0x40 && c <= 0x7e) {
        s->state = SCREEN_TEXT;
        command(s, c);
    } else if (c < 0x20) {
        control(s, c);
    }
}

void
screen_init(struct screen *s)
{
    *s = (struct screen){ .bottom = SCREEN_ROWS - 1, .foreground = 7 };
    fill(s, 0, SCREEN_CELLS);
}

void
screen_write(struct screen *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)bytes[i];

        switch (s->state) {
        case SCREEN_TEXT: text(s, c); break;
        case SCREEN_ESCAPE: escape(s, c); break;
        case SCREEN_CSI: csi(s, c); break;
        case SCREEN_IGNORE_ONE: s->state = SCREEN_TEXT; break;
        case SCREEN_STRING:     /* ends with BEL or ESC \ */
            if (c == 0x07)
                s->state = SCREEN_TEXT;
            else if (c == 0x1b)
                s->state = SCREEN_IGNORE_ONE;
            break;
        }
    }
}
