/* arch.h of host tests: the real interface, with one CPU that is a variable. machine.c implements it. */
#ifndef FAKE_ARCH_H
#define FAKE_ARCH_H

#define this_cpu this_cpu_by_gs
#define arch_tsc_unordered arch_tsc_by_rdtsc
#include "../../../../../aegis/arch/x86_64/arch.h"
#undef this_cpu
#undef arch_tsc_unordered

static inline uint64_t
arch_tsc_unordered(void)
{
    return arch_tsc();
}

static inline struct cpu *
this_cpu(void)
{
    return &cpus[0];
}

#endif
