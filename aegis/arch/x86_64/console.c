/*
 * console.c: the two console ports as one sees them from the core: the main one writes to COM1 and the screen and reads COM1 and the
 * keyboard; the log one writes to COM2.
 *
 * Locks:    none here; core/console.c holds the console lock, log.c the log's. Interrupts are off whenever this runs.
 * Not here: line discipline. That is the library's.
 */
#include "aegis/sys.h"
#include "arch/x86_64/machine.h"

#define INPUT_BYTES 4096        /* a power of two */

static char input[INPUT_BYTES];
static uint32_t input_head, input_tail;     /* put at head, taken at tail; both run free */

void (*console_input_hook)(unsigned port);

size_t
console_input_room(void)
{
    return INPUT_BYTES - (input_head - input_tail);
}

bool
console_put_input(const char *bytes, size_t n)
{
    if (n > console_input_room())
        return false;
    for (size_t i = 0; i < n; i++)
        input[input_head++ % INPUT_BYTES] = bytes[i];
    return true;
}

void
console_input_arrived(void)
{
    if (input_head != input_tail && console_input_hook != NULL)
        console_input_hook(AEG_CONSOLE_MAIN);
}

size_t
console_put(unsigned port, const char *buf, size_t n)
{
    if (port == AEG_CONSOLE_LOG)
        return serial_put(1, buf, n);
    n = serial_put(0, buf, n);
    vga_out(buf, n);
    return n;
}

void
console_out(unsigned port, const char *buf, size_t n)
{
    if (port == AEG_CONSOLE_LOG) {
        serial_out(1, buf, n);
        return;
    }
    serial_out(0, buf, n);
    vga_out(buf, n);
}

void
console_flush(void)
{
    vga_flush();
}

/* Taking makes room, and what waited in the device for it follows at once. */
size_t
console_in(unsigned port, char *buf, size_t n)
{
    size_t done = 0;

    if (port != AEG_CONSOLE_MAIN)
        return 0;
    for (unsigned pass = 0; pass < 2 && done < n; pass++) {
        while (done < n && input_head != input_tail)
            buf[done++] = input[input_tail++ % INPUT_BYTES];
        serial_poll();
    }
    return done;
}
