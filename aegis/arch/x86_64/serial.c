/*
 * serial.c: two 16550 serial ports: COM1 is the main console, COM2 takes the log.
 *
 * Output is taken as far as an empty transmitter's FIFO holds it; the kernel's own last words wait for that, a bounded time. Input comes by interrupt and stays in
 * the device, which stops the sender, while the console's ring is full.
 * Source: PC16550D data sheet.
 */
#include "aegis/sys.h"
#include "arch/x86_64/machine.h"

#define FIFO_BYTES 16
#define WAIT_MAX 1000000u       /* looks at a transmitter that does not get empty */
#define DEAD_NS 2000000000ull   /* without a byte gone: nobody is there, and output is lost */
#define INPUT_MAX 4096u         /* bytes of one interrupt */
#define COM1_IRQ 4

enum { DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, SCRATCH = 7 };
#define LSR_READY 0x01
#define LSR_EMPTY 0x20

static struct uart {
    uint16_t base;
    bool present;
    bool paused;                /* input interrupts are off since the ring is full */
    bool stuck;                 /* the transmitter did not get empty in time: it is looked at, no longer waited for */
    uint64_t full_since_ns;     /* the transmitter has not been empty; 0: it was, or nobody has looked */
} uarts[] = { { .base = 0x3f8 }, { .base = 0x2f8 } };

static void
uart_init(struct uart *u)
{
    outb(u->base + SCRATCH, 0x5a);
    if (inb(u->base + SCRATCH) != 0x5a)
        return;
    outb(u->base + IER, 0);
    outb(u->base + LCR, 0x80);  /* divisor 1: 115200 */
    outb(u->base + DATA, 1);
    outb(u->base + IER, 0);
    outb(u->base + LCR, 0x03);  /* 8N1 */
    outb(u->base + FCR, 0x07);  /* FIFOs on and empty, interrupt at one byte */
    outb(u->base + MCR, 0x0b);  /* DTR, RTS, interrupt line connected */
    u->present = true;
}

void
serial_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(uarts); i++)
        uart_init(&uarts[i]);
}

static bool
wait_empty(struct uart *u)
{
    unsigned looks = u->stuck ? 1 : WAIT_MAX;

    u->stuck = false;
    while (looks-- > 0)
        if (inb(u->base + LSR) & LSR_EMPTY)
            return true;
    u->stuck = true;
    return false;
}

size_t
serial_put(unsigned port, const char *buf, size_t n)
{
    struct uart *u = &uarts[port];
    uint64_t now_ns;

    if (!u->present)
        return n;
    if (inb(u->base + LSR) & LSR_EMPTY) {
        u->full_since_ns = 0;
        n = MIN(n, FIFO_BYTES);
        for (size_t i = 0; i < n; i++)
            outb(u->base + DATA, (uint8_t)buf[i]);
        return n;
    }
    now_ns = time_ns();
    if (u->full_since_ns == 0)
        u->full_since_ns = now_ns;
    return now_ns - u->full_since_ns < DEAD_NS ? 0 : n;
}

void
serial_out(unsigned port, const char *buf, size_t n)
{
    struct uart *u = &uarts[port];

    for (size_t at = 0; u->present && at < n;) {
        size_t burst = MIN(n - at, FIFO_BYTES);

        if (!wait_empty(u))
            return;             /* nobody takes it: lost */
        while (burst-- > 0)
            outb(u->base + DATA, (uint8_t)buf[at++]);
    }
}

void
serial_poll(void)
{
    struct uart *u = &uarts[0];
    size_t room = console_input_room();

    if (!u->present)
        return;
    for (unsigned i = 0; i < INPUT_MAX && room > 0 && inb(u->base + LSR) & LSR_READY; i++, room--) {
        char c = (char)inb(u->base + DATA);

        (void)console_put_input(&c, 1);
    }
    if (u->paused != (room == 0)) {
        u->paused = room == 0;
        outb(u->base + IER, u->paused ? 0 : 1);
    }
}

static void
serial_interrupt(void *arg)
{
    (void)arg;
    serial_poll();
    console_input_arrived();
}

void
serial_irq_init(void)
{
    struct uart *u = &uarts[0];

    if (!u->present)
        return;
    if (irq_isa(COM1_IRQ, serial_interrupt, NULL) != 0) {
        klog("serial: no interrupt, input is polled");
        return;
    }
    outb(u->base + IER, 1);
    serial_poll();
}
