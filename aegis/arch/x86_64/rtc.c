/*
 * rtc.c: the CMOS clock, taken to run in UTC.
 * Source: Motorola MC146818A data sheet.
 */
#include "arch/x86_64/rtc.h"

#define STATUS_B_BINARY 0x04
#define STATUS_B_24_HOURS 0x02
#define HOUR_PM 0x80

static uint8_t
from_bcd(uint8_t v)
{
    return (uint8_t)((v >> 4) * 10 + (v & 15));
}

/* Days from 1970-01-01 to a civil date: years begin in March, so that the leap day is the last. */
static uint64_t
days_since_1970(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

    return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t
rtc_seconds(struct rtc_registers r)
{
    uint8_t pm = r.hour & HOUR_PM;

    r.hour &= (uint8_t)~HOUR_PM;
    if (!(r.status_b & STATUS_B_BINARY)) {
        r.second = from_bcd(r.second), r.minute = from_bcd(r.minute), r.hour = from_bcd(r.hour);
        r.day = from_bcd(r.day), r.month = from_bcd(r.month), r.year = from_bcd(r.year), r.century = from_bcd(r.century);
    }
    if (!(r.status_b & STATUS_B_24_HOURS))
        r.hour = (uint8_t)(r.hour % 12 + (pm ? 12 : 0));
    if (r.century < 19 || r.century > 29)
        r.century = 20;
    if (r.second > 60 || r.minute > 59 || r.hour > 23 || r.day < 1 || r.day > 31 || r.month < 1 || r.month > 12 || r.year > 99)
        return 0;
    if (r.century * 100u + r.year < 1970)
        return 0;
    return ((days_since_1970(r.century * 100u + r.year, r.month, r.day) * 24 + r.hour) * 60 + r.minute) * 60 + r.second;
}
