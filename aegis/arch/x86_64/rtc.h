/* rtc.h: the CMOS clock's registers as a time. Pure code. */
#ifndef AEGIS_ARCH_RTC_H
#define AEGIS_ARCH_RTC_H

#include <stdint.h>

/* As read: BCD and 12-hour form still to be undone as status register B says. */
struct rtc_registers {
    uint8_t second, minute, hour, day, month, year, century, status_b;
};

/* Seconds since 1970 UTC; 0 when the registers make no date. century 0: 20. */
uint64_t rtc_seconds(struct rtc_registers r);

#endif
