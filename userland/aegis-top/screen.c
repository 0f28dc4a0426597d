/*
 * screen.c: the terminal: its size, its keys, and as many lines as it has.
 *
 * Holds: the terminal's settings while it is ours. The size is asked for before each picture, so a resized terminal is right with the next.
 */
#include "top.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ROWS 24                 /* where the terminal does not say */
#define COLUMNS 80
#define PICTURE 65536
#define ESCAPE_MS 20            /* within which the rest of an arrow comes */

static struct termios before;
static int open_now;

int
screen_open(void)
{
    struct termios t;

    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return 0;
    t = before;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &t) != 0)
        return 0;
    open_now = 1;
    (void)!write(STDOUT_FILENO, "\033[?25l\033[2J", 10);
    return 1;
}

void
screen_close(void)
{
    static const char end[] = "\033[?25h\033[2J\033[H";

    if (!open_now)
        return;
    open_now = 0;
    (void)!write(STDOUT_FILENO, end, sizeof(end) - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static struct winsize
size(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row < 2 || w.ws_col < 2)
        w = (struct winsize){ .ws_row = ROWS, .ws_col = COLUMNS };
    return w;
}

unsigned
screen_rows(void)
{
    return size().ws_row;
}

/* All in one write, each line cleared behind its end, so that nothing flickers. */
void
screen_show(unsigned *first)
{
    static char picture[PICTURE];
    struct winsize w = size();
    unsigned rows = w.ws_row, columns = w.ws_col, n = line_count();
    size_t at = 0;

    if (*first + rows > n)
        *first = n > rows ? n - rows : 0;
    for (unsigned r = 0; r < rows && at + columns + 32 < PICTURE; r++) {
        const char *text = *first + r < n ? line_at(*first + r) : "";

        at += (size_t)snprintf(picture + at, PICTURE - at, "\033[%u;1H%.*s\033[K", r + 1, (int)columns - 1, text);
    }
    (void)!write(STDOUT_FILENO, picture, at);
}

/* A byte within `ms`, or 0. */
static int
byte_within(int ms)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    unsigned char c;

    if (poll(&p, 1, ms) <= 0)
        return 0;
    return read(STDIN_FILENO, &c, 1) == 1 ? c : 'q';    /* at the end nobody is there any more */
}

/* The arrows come as ESC [ A and ESC [ B. */
int
screen_key(int ms)
{
    int c = byte_within(ms);

    if (c != '\033' || byte_within(ESCAPE_MS) != '[')
        return c;
    c = byte_within(ESCAPE_MS);
    return c == 'A' ? KEY_UP : c == 'B' ? KEY_DOWN : '\033';
}
