/* cpu.h: what the processor says of itself (cpuid), in the words of Linux's /proc/cpuinfo. */
#ifndef EXOS_CPU_H
#define EXOS_CPU_H

#include "base/base.h"

#define CPU_CACHES_MAX 4

struct cpu_facts {
    char vendor[13], name[49];
    unsigned family, model, stepping;
    uint32_t highest_leaf;
    unsigned address_bits, virtual_bits, line_bytes;
};

struct cpu_cache {
    const char *type;           /* "Data", "Instruction", "Unified" */
    unsigned level, line_bytes, ways, sets;
    uint64_t bytes;
    unsigned share_bits;        /* CPUs whose APIC ids differ only below it have it together */
};

/* Of the CPU with this number of the session. */
struct cpu_place {
    unsigned package, core, apic_id;
    uint64_t threads, cores;    /* CPUs, itself too, that share its core, its package: one bit for each */
};

void cpu_facts(struct cpu_facts *out);
#define CPU_FEATURES_MAX 2048   /* bytes of all their names */
/* The names of the features that it has, a blank between two, and their length. */
size_t cpu_features(char *buf, size_t size);
/* One after the other; false past the last. */
bool cpu_cache(unsigned n, struct cpu_cache *out);
void cpu_place(unsigned cpu, struct cpu_place *out);
/* The CPUs whose APIC ids are that one's but for the lowest bits. */
uint64_t cpu_neighbours(unsigned cpu, unsigned bits);

#endif
