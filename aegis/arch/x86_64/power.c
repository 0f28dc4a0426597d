/*
 * power.c: off and reset, by every way that machines have, the polite one first.
 * Source: ACPI Specification 6.4: 4.8.3.2, 4.8.3.6, 16.1.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"

#define PORT_DEBUG_EXIT 0xf4
#define PORT_RESET_CONTROL 0xcf9
#define PORT_KEYBOARD 0x64
#define SLEEP_ENABLE (1u << 13)
#define SCI_ENABLE 1u
#define WAIT_MAX 10000000u

static void
acpi_mode(void)
{
    if (inw(acpi.pm1a_control) & SCI_ENABLE || acpi.smi_command == 0)
        return;
    outb(acpi.smi_command, acpi.acpi_enable);
    for (unsigned i = 0; i < WAIT_MAX && !(inw(acpi.pm1a_control) & SCI_ENABLE); i++)
        __builtin_ia32_pause();
}

static void
power_off(void)
{
    if (acpi.pm1a_control == 0 || acpi.sleep_type_a == SLEEP_UNKNOWN)
        return;
    acpi_mode();
    outw(acpi.pm1a_control, (uint16_t)(acpi.sleep_type_a << 10 | SLEEP_ENABLE));
    if (acpi.pm1b_control != 0)
        outw(acpi.pm1b_control, (uint16_t)(acpi.sleep_type_b << 10 | SLEEP_ENABLE));
}

/* With no vectors every exception becomes a triple fault. */
static noreturn void
triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = { 0, 0 };

    for (;;)
        __asm__ volatile("lidt %0\n\tint3" : : "m"(none));
}

static noreturn void
reset(void)
{
    if (acpi.reset_address != 0 && acpi.reset_space == 1)
        outb((uint16_t)acpi.reset_address, acpi.reset_value);
    if (acpi.reset_address != 0 && acpi.reset_space == 0)
        *(volatile uint8_t *)device_map(acpi.reset_address, 1) = acpi.reset_value;
    outb(PORT_RESET_CONTROL, 0x02);
    outb(PORT_RESET_CONTROL, 0x06);
    outb(PORT_KEYBOARD, 0xfe);
    triple_fault();
}

void
arch_power(uint32_t op, uint32_t code)
{
    __asm__ volatile("cli");
    console_flush();
    if (op == AEG_POWER_RESET)
        reset();
    if (op == AEG_POWER_DEBUG_EXIT)
        outl(PORT_DEBUG_EXIT, code);
    power_off();
    for (unsigned i = 0; i < WAIT_MAX; i++)
        __builtin_ia32_pause();     /* it may take a moment */
    klog("power: the machine does not switch itself off; it is safe to do so");
    console_flush();
    for (;;)
        __asm__ volatile("hlt");
}
