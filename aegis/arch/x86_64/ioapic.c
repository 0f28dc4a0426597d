/*
 * ioapic.c: interrupt lines: the IOAPICs in use, the legacy controllers silent.
 * Sources: Intel 82093AA data sheet; 8259A data sheet.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"

enum { REG_VERSION = 0x01, REG_REDIRECTION = 0x10 };
#define MASKED (1u << 16)
#define LEVEL (1u << 15)
#define ACTIVE_LOW (1u << 13)

static struct ioapic {
    volatile uint32_t *window;
    uint32_t first_gsi, lines;
} ioapics[IOAPIC_MAX];

static uint32_t
reg_read(const struct ioapic *io, uint32_t reg)
{
    io->window[0] = reg;
    return io->window[4];
}

static void
reg_write(const struct ioapic *io, uint32_t reg, uint32_t v)
{
    io->window[0] = reg;
    io->window[4] = v;
}

static void
pic_silence(void)
{
    outb(0x20, 0x11), outb(0xa0, 0x11);     /* initialise; vectors out of the exceptions' way, for spurious ones */
    outb(0x21, 0x20), outb(0xa1, 0x28);
    outb(0x21, 4), outb(0xa1, 2);
    outb(0x21, 1), outb(0xa1, 1);
    outb(0x21, 0xff), outb(0xa1, 0xff);
}

void
ioapic_init(void)
{
    pic_silence();
    for (uint32_t i = 0; i < acpi.ioapic_count; i++) {
        struct ioapic *io = &ioapics[i];

        io->window = device_map(acpi.ioapic[i].pa, 32);
        io->first_gsi = acpi.ioapic[i].first_gsi;
        io->lines = (reg_read(io, REG_VERSION) >> 16 & 0xff) + 1;
        for (uint32_t line = 0; line < io->lines; line++)
            reg_write(io, REG_REDIRECTION + 2 * line, MASKED);
    }
}

bool
ioapic_route(unsigned gsi, unsigned vector, bool level, bool active_low)
{
    for (uint32_t i = 0; i < acpi.ioapic_count; i++) {
        const struct ioapic *io = &ioapics[i];
        uint32_t line = gsi - io->first_gsi;

        if (gsi < io->first_gsi || line >= io->lines)
            continue;
        reg_write(io, REG_REDIRECTION + 2 * line + 1, cpus[0].apic_id << 24);
        reg_write(io, REG_REDIRECTION + 2 * line, vector | (level ? LEVEL : 0) | (active_low ? ACTIVE_LOW : 0));
        return true;
    }
    return false;
}
