/*
 * keyboard.c: the PS/2 keyboard behind an i8042 controller: a second source of main-console input.
 *
 * Not here: what the keys mean (keymap.c). No controller, no keyboard.
 */
#include "arch/x86_64/keymap.h"
#include "arch/x86_64/machine.h"

#define PORT_DATA 0x60
#define PORT_STATUS 0x64
#define STATUS_OUTPUT 0x01      /* a byte waits for us */
#define STATUS_INPUT 0x02       /* the controller still has ours */
#define STATUS_MOUSE 0x20
#define WAIT_MAX 100000u
#define BYTES_MAX 32u           /* of one interrupt */
#define KEYBOARD_IRQ 1

#define CONFIG_IRQ 0x01
#define CONFIG_CLOCK_OFF 0x10
#define CONFIG_TRANSLATE 0x40   /* set 2 to set 1 */

static struct keymap keymap;

static bool
wait_status(uint8_t mask, uint8_t want)
{
    for (unsigned i = 0; i < WAIT_MAX; i++)
        if ((inb(PORT_STATUS) & mask) == want)
            return true;
    return false;
}

static void
command(uint8_t c)
{
    (void)wait_status(STATUS_INPUT, 0);
    outb(PORT_STATUS, c);
}

static void
data(uint8_t v)
{
    (void)wait_status(STATUS_INPUT, 0);
    outb(PORT_DATA, v);
}

static void
drain(void)
{
    for (unsigned i = 0; i < BYTES_MAX && inb(PORT_STATUS) & STATUS_OUTPUT; i++)
        (void)inb(PORT_DATA);
}

static void
keyboard_interrupt(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < BYTES_MAX; i++) {
        uint8_t status = inb(PORT_STATUS), code;
        char bytes[KEYMAP_BYTES];
        size_t n;

        if (!(status & STATUS_OUTPUT))
            break;
        code = inb(PORT_DATA);
        if (status & STATUS_MOUSE)
            continue;
        n = keymap_translate(&keymap, code, bytes);
        (void)console_put_input(bytes, n);
    }
    console_input_arrived();
}

void
keyboard_init(void)
{
    uint8_t config;

    if (inb(PORT_STATUS) == 0xff)
        return;
    command(0xad);              /* quiet while we talk to the controller */
    drain();
    command(0x20);
    if (!wait_status(STATUS_OUTPUT, STATUS_OUTPUT))
        return;
    config = inb(PORT_DATA);
    config = (uint8_t)((config | CONFIG_IRQ | CONFIG_TRANSLATE) & ~CONFIG_CLOCK_OFF);
    command(0x60);
    data(config);
    command(0xae);
    data(0xf4);                 /* scan */
    if (wait_status(STATUS_OUTPUT, STATUS_OUTPUT))
        drain();                /* its acknowledgement */
    if (irq_isa(KEYBOARD_IRQ, keyboard_interrupt, NULL) != 0)
        klog("keyboard: no interrupt");
}
