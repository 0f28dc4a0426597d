/*
 * clock.c: time: the TSC, measured once at boot against the HPET or the ACPI timer, and the calendar.
 *
 * Both ends of the measurement take the tightest of several readings, so that a virtual CPU that loses the processor between two reads
 * spoils nothing. The library computes time by the same formula from the exposed information.
 * Sources: IA-PC HPET Specification 1.0a; ACPI Specification 6.4, 4.8.3.3.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"

#define NS_PER_S 1000000000ull
#define MEASURE_NS 10000000ull          /* 10 ms */
#define READINGS 8
#define SPIN_MAX 200000000u
#define HPET_PERIOD_MAX 100000000u      /* femtoseconds: slower is not an HPET */
#define PM_TIMER_HZ 3579545u
#define ROUND_PPM 60u                   /* a rate this close to 1 GHz is 1 GHz: an instruction-counting virtual CPU */

/* The reference clock: ticks of a counter of some width. */
static struct {
    volatile uint64_t *hpet;
    uint64_t hz;
    uint64_t mask;
} reference;

struct reading {
    uint64_t tsc, ticks;
};

uint64_t
arch_tsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

uint64_t
time_ns(void)
{
    return (uint64_t)((unsigned __int128)(arch_tsc() - info->tsc_base) * info->tsc_mult >> 32);
}

/* Saturates: a time too far for the TSC is never. */
uint64_t
ns_to_tsc(uint64_t ns)
{
    unsigned __int128 ticks = (unsigned __int128)ns * info->tsc_hz;
    uint64_t s = ns / NS_PER_S;

    if (info->tsc_hz == 0 || s > UINT64_MAX / 2 / info->tsc_hz)
        return UINT64_MAX;
    /* ticks / 10^9 without a 128-bit division: whole seconds, then the rest. */
    ticks = (unsigned __int128)s * info->tsc_hz + (ns - s * NS_PER_S) * info->tsc_hz / NS_PER_S;
    return info->tsc_base + (uint64_t)ticks;
}

static bool
use_hpet(void)
{
    volatile uint64_t *r;
    uint64_t capability;
    uint32_t period;

    if (acpi.hpet_pa == 0)
        return false;
    r = device_map(acpi.hpet_pa, 1024);
    capability = r[0];
    period = (uint32_t)(capability >> 32);
    if (period == 0 || period > HPET_PERIOD_MAX)
        return false;
    r[2] |= 1;                          /* run */
    reference.hpet = r;
    reference.hz = 1000000000000000ull / period;
    reference.mask = capability >> 13 & 1 ? UINT64_MAX : UINT32_MAX;
    return true;
}

static bool
use_pm_timer(void)
{
    if (acpi.pm_timer_port == 0)
        return false;
    reference.hz = PM_TIMER_HZ;
    reference.mask = acpi.pm_timer_wide ? UINT32_MAX : 0xffffff;
    return true;
}

static uint64_t
reference_ticks(void)
{
    return reference.hpet != NULL ? reference.hpet[30] : inl(acpi.pm_timer_port);
}

static struct reading
read_both(void)
{
    struct reading best = { 0, 0 };
    uint64_t best_width = UINT64_MAX;

    for (unsigned i = 0; i < READINGS; i++) {
        uint64_t before = arch_tsc(), ticks = reference_ticks(), after = arch_tsc();

        if (after - before < best_width) {
            best_width = after - before;
            best = (struct reading){ before + (after - before) / 2, ticks };
        }
    }
    return best;
}

static void
wait_ticks(uint64_t from, uint64_t ticks)
{
    for (unsigned i = 0; i < SPIN_MAX; i++) {
        if (((reference_ticks() - from) & reference.mask) >= ticks)
            return;
        __builtin_ia32_pause();
    }
    panic("the reference clock stands still");
}

static uint64_t
measure(void)
{
    struct reading a, b;
    uint64_t ticks, hz, off;

    lapic_timer_calibrate_begin();
    a = read_both();
    wait_ticks(a.ticks, reference.hz / (NS_PER_S / MEASURE_NS));
    b = read_both();
    lapic_timer_calibrate_end(b.tsc - a.tsc);
    ticks = (b.ticks - a.ticks) & reference.mask;
    hz = (b.tsc - a.tsc) * reference.hz / ticks;
    off = hz > NS_PER_S ? hz - NS_PER_S : NS_PER_S - hz;
    return off <= NS_PER_S / 1000000 * ROUND_PPM ? NS_PER_S : hz;
}

void
clock_init(void)
{
    uint64_t wall;

    if (!use_hpet() && !use_pm_timer())
        panic("neither HPET nor ACPI timer: nothing to measure the TSC with");
    info->tsc_base = arch_tsc();
    info->tsc_hz = measure();
    info->tsc_mult = (NS_PER_S << 32) / info->tsc_hz;
    wall = rtc_read_ns();
    info->wall_ns = wall - time_ns();
    klog("clock: tsc %lu kHz by %s", info->tsc_hz / 1000, reference.hpet != NULL ? "hpet" : "pm timer");
}
