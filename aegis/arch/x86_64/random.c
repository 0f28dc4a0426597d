/*
 * random.c: numbers that nobody outside the kernel knows.
 *
 * RDRAND where CPUID has it, and always what differs from boot to boot in how long an exit to firmware or hypervisor takes.
 * Source: Intel SDM vol. 1, 7.3.17.
 */
#include "arch/x86_64/machine.h"

#define RDRAND_TRIES 10
#define JITTER_ROUNDS 64
#define SPREAD 0x9e3779b97f4a7c15ull    /* 2^64 divided by the golden ratio: odd */

static uint64_t
hardware_random(void)
{
    uint64_t v = 0;
    uint8_t got = 0;

    if (!(cpuid(1, 0).c >> 30 & 1))
        return 0;
    for (unsigned i = 0; i < RDRAND_TRIES && !got; i++)
        __asm__ volatile("rdrand %0\n\tsetc %1" : "=r"(v), "=qm"(got) : : "cc");
    return got ? v : 0;
}

static uint64_t
jitter(void)
{
    uint64_t v = arch_tsc();

    for (unsigned i = 0; i < JITTER_ROUNDS; i++) {
        (void)cpuid(0, 0);
        v = (v ^ arch_tsc()) * SPREAD;
        v ^= v >> 29;
    }
    return v;
}

uint64_t
random_secret(void)
{
    return hardware_random() ^ jitter();
}
