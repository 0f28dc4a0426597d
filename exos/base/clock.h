/* clock.h: what the time calls need, and the clock where it must be quick. */
#ifndef EXOS_CLOCK_H
#define EXOS_CLOCK_H

#include <stdint.h>

#include "aegis/info.h"

extern int64_t wall_offset_ns;

static inline uint64_t
tsc_read(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

/* A length of time. */
static inline uint64_t
ticks_ns(uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * AEG_INFO->tsc_mult >> 32);
}

/* clock_monotonic_ns() */
static inline uint64_t
clock_now_ns(void)
{
    return ticks_ns(tsc_read() - AEG_INFO->tsc_base);
}

void clock_set_realtime(uint64_t ns);

#endif
