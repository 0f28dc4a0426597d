/*
 * clock.c: time from the TSC and the scale that Aegis exposes; no call is made.
 */
#include "aegis/info.h"
#include "base/base.h"
#include "base/clock.h"

int64_t wall_offset_ns;         /* clock_settime against the wall clock of the machine */

uint64_t
clock_monotonic_ns(void)
{
    return clock_now_ns();
}

uint64_t
clock_realtime_ns(void)
{
    return clock_monotonic_ns() + AEG_INFO->wall_ns + (uint64_t)wall_offset_ns;
}

void
clock_set_realtime(uint64_t ns)
{
    wall_offset_ns += (int64_t)(ns - clock_realtime_ns());
}
