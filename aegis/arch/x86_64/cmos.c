/*
 * cmos.c: reads the CMOS clock's registers when they stand still.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"
#include "arch/x86_64/rtc.h"

#define PORT_INDEX 0x70
#define PORT_DATA 0x71
#define NMI_OFF 0x80
#define STATUS_A 0x0a
#define STATUS_B 0x0b
#define UPDATING 0x80
#define TRIES 100
#define WAIT_MAX 100000u

static uint8_t
cmos_read(uint8_t index)
{
    outb(PORT_INDEX, index | NMI_OFF);
    return inb(PORT_DATA);
}

static struct rtc_registers
read_once(void)
{
    for (unsigned i = 0; i < WAIT_MAX && cmos_read(STATUS_A) & UPDATING; i++)
        ;
    return (struct rtc_registers){
        cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7), cmos_read(8), cmos_read(9),
        acpi.century != 0 ? cmos_read(acpi.century) : 0, cmos_read(STATUS_B),
    };
}

/* Two equal readings in a row; 0 when there is no clock. */
uint64_t
rtc_read_ns(void)
{
    struct rtc_registers a = read_once();

    for (unsigned i = 0; i < TRIES; i++) {
        struct rtc_registers b = read_once();

        if (memcmp(&a, &b, sizeof(a)) == 0)
            break;
        a = b;
    }
    outb(PORT_INDEX, STATUS_B);         /* lets NMIs in again */
    (void)inb(PORT_DATA);
    return rtc_seconds(a) * 1000000000ull;
}
