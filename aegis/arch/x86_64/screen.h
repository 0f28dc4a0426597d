/*
 * screen.h: a text screen as a terminal sees it: cells, a cursor, and the ANSI sequences that programs send. Pure code.
 */
#ifndef AEGIS_ARCH_SCREEN_H
#define AEGIS_ARCH_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_COLUMNS 80
#define SCREEN_ROWS 25
#define SCREEN_CELLS (SCREEN_COLUMNS * SCREEN_ROWS)
#define SCREEN_PARAMS 8
#define SCREEN_BLANK 0x0720u    /* a space, light grey on black */

struct screen {
    uint16_t cell[SCREEN_CELLS];        /* character, and colours in the high byte, as VGA has them */
    int row, column;                    /* column == SCREEN_COLUMNS: the next character wraps */
    int top, bottom;                    /* scrolling region, both included */
    int saved_row, saved_column;
    uint8_t foreground, background;     /* 0-7 in ANSI's order, foreground with 8 for bright */
    bool bright, reverse;
    bool cursor_hidden;
    int scrolled;                       /* whole-screen lines scrolled since the owner set it to 0 */
    /* The parser. */
    enum { SCREEN_TEXT, SCREEN_ESCAPE, SCREEN_CSI, SCREEN_IGNORE_ONE, SCREEN_STRING } state;
    int param[SCREEN_PARAMS];
    int param_count;
    bool private_mode;
};

void screen_init(struct screen *s);
void screen_write(struct screen *s, const char *text, size_t n);

#endif
