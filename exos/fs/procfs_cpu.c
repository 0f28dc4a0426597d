/* procfs_cpu.c: /proc/cpuinfo, in the form of Linux arch/x86/kernel/cpu/proc.c. */
#include "aegis/info.h"
#include "base/cpu.h"
#include "fs/procfs.h"
#include "thread/turn.h"

#define MHZ 1000000ul

/* Of the last level: what lscpu and its like call the CPU's cache. */
static uint64_t
cache_kib(void)
{
    struct cpu_cache c = { 0 };

    for (unsigned n = 0; cpu_cache(n, &c); n++)
        continue;
    return c.bytes / 1024;
}

static unsigned
count(uint64_t set)
{
    unsigned n = 0;

    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

static void
show_cpu(struct text_buf *t, unsigned cpu, const struct cpu_facts *f, const char *features)
{
    uint64_t hz = AEG_INFO->tsc_hz;
    struct cpu_place p;

    cpu_place(cpu, &p);
    text_print(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", cpu, f->vendor, f->family,
               f->model, f->name, f->stepping);
    text_print(t, "cpu MHz\t\t: %lu.%03lu\ncache size\t: %lu KB\n", hz / MHZ, hz % MHZ / 1000, cache_kib());
    text_print(t, "physical id\t: %u\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n", p.package,
               count(p.cores), p.core, count(p.cores) / count(p.threads), p.apic_id, p.apic_id);
    text_print(t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t: %s\nbugs\t\t:\n", f->highest_leaf, features);
    text_print(t, "bogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\naddress sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
               2 * hz / MHZ, 2 * hz % MHZ / 10000, f->line_bytes, f->line_bytes, f->address_bits, f->virtual_bits);
}

static int
show_cpuinfo(struct text_buf *t)
{
    char features[CPU_FEATURES_MAX];
    struct cpu_facts f;

    cpu_facts(&f);
    cpu_features(features, sizeof(features));
    for (unsigned n = 0; n < cpu_count(); n++)
        show_cpu(t, n, &f, features);
    return 0;
}

void
procfs_register_cpu(void)
{
    static const struct gen_row row = { "cpuinfo", .show = show_cpuinfo };

    gen_add(&procfs, &row, 1);
}
