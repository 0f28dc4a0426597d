/*
 * vga.c: the VGA text screen, a mirror of the main console.
 *
 * Device memory is slow, so a write changes `screen` alone; the adapter follows at most every FLUSH_NS, and when the CPU goes idle, and then
 * only where cells differ. Whole-screen scrolling moves the start address through the 32 KiB that the adapter has.
 * Not here: what the bytes mean (screen.c). Without an adapter in text mode the screen stays silent.
 */
#include "arch/x86_64/machine.h"
#include "arch/x86_64/screen.h"

#define TEXT_MEMORY 0xb8000u
#define TEXT_BYTES 32768u
#define TEXT_CELLS (TEXT_BYTES / 2)
#define PORT_GRAPHICS 0x3ce
#define PORT_CRTC 0x3d4

enum { CRTC_CURSOR_START = 0x0a, CRTC_START = 0x0c, CRTC_CURSOR = 0x0e };
#define CURSOR_OFF 0x20
#define FLUSH_NS 20000000ull

static struct screen screen;
static uint16_t shown[SCREEN_CELLS];
static volatile uint16_t *memory;       /* NULL: no text screen */
static uint32_t start;                  /* cell of device memory that is top left */
static bool cursor_off;
static bool behind;                     /* the adapter has yet to follow */
static uint64_t flushed_ns;

static void
crtc_write(uint8_t reg, uint8_t v)
{
    outb(PORT_CRTC, reg);
    outb(PORT_CRTC + 1, v);
}

static void
crtc_write_pair(uint8_t reg, uint32_t v)
{
    crtc_write(reg, (uint8_t)(v >> 8));
    crtc_write(reg + 1, (uint8_t)v);
}

/* Alphanumeric mode with its memory at 0xb8000: graphics controller, register 6. An absent adapter reads as all ones. */
static bool
text_mode(void)
{
    outb(PORT_GRAPHICS, 6);
    return !boot_graphics && (inb(PORT_GRAPHICS + 1) & 0x0d) == 0x0c;
}

static void
store(uint32_t cell, uint16_t v)
{
    memory[start + cell] = v;
    shown[cell] = v;
}

static void
redraw(void)
{
    start = 0;
    for (uint32_t i = 0; i < SCREEN_CELLS; i++)
        store(i, screen.cell[i]);
}

/* What scrolled by in one write is already where it belongs once the start address has moved as far. */
static void
follow_scrolling(void)
{
    uint32_t cells = (uint32_t)screen.scrolled * SCREEN_COLUMNS;

    screen.scrolled = 0;
    if (cells == 0)
        return;
    if (cells >= SCREEN_CELLS || start + cells + SCREEN_CELLS > TEXT_CELLS) {
        redraw();
    } else {
        start += cells;
        memmove(shown, shown + cells, (SCREEN_CELLS - cells) * sizeof(shown[0]));
        for (uint32_t i = SCREEN_CELLS - cells; i < SCREEN_CELLS; i++)
            store(i, screen.cell[i]);
    }
    crtc_write_pair(CRTC_START, start);
}

static void
show_cursor(void)
{
    int column = MIN(screen.column, SCREEN_COLUMNS - 1);

    if (cursor_off != screen.cursor_hidden) {
        cursor_off = screen.cursor_hidden;
        crtc_write(CRTC_CURSOR_START, cursor_off ? CURSOR_OFF : 13);
    }
    crtc_write_pair(CRTC_CURSOR, start + (uint32_t)(screen.row * SCREEN_COLUMNS + column));
}

void
vga_flush(void)
{
    if (!behind)
        return;
    behind = false;
    flushed_ns = time_ns();
    follow_scrolling();
    for (uint32_t i = 0; i < SCREEN_CELLS; i++)
        if (shown[i] != screen.cell[i])
            store(i, screen.cell[i]);
    show_cursor();
}

void
vga_flush_due(void)
{
    if (behind && time_ns() - flushed_ns >= FLUSH_NS)
        vga_flush();
}

void
vga_out(const char *buf, size_t n)
{
    if (memory == NULL)
        return;
    screen_write(&screen, buf, n);
    behind = true;
    vga_flush_due();
}

void
vga_init(void)
{
    if (!text_mode())
        return;
    memory = device_map(TEXT_MEMORY, TEXT_BYTES);
    screen_init(&screen);
    redraw();
    crtc_write_pair(CRTC_START, 0);
    crtc_write(CRTC_CURSOR_START, 13);
    crtc_write(CRTC_CURSOR_START + 1, 14);
    show_cursor();
}
