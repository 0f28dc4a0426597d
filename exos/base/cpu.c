/*
 * cpu.c: cpuid, as Intel's manual (volume 2A, CPUID) and AMD's (volume 3, appendix E) describe it.
 *
 * Not here: which CPUs there are (thread/turn.h). All are of one kind: the one that asks answers for all but their places.
 */
#include "base/cpu.h"
#include "aegis/info.h"
#include "base/mem.h"
#include "thread/turn.h"

enum { EAX, EBX, ECX, EDX };

static void
cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    uint32_t a;

    __asm__ volatile("cpuid" : "=a"(a), "=b"(r[EBX]), "=c"(r[ECX]), "=d"(r[EDX]) : "0"(leaf & 0x80000000), "2"(0));
    if (a < leaf)
        memset(r, 0, 4 * sizeof(r[0]));
    else
        __asm__ volatile("cpuid" : "=a"(r[EAX]), "=b"(r[EBX]), "=c"(r[ECX]), "=d"(r[EDX]) : "0"(leaf), "2"(sub));
}

static uint32_t
reg(uint32_t leaf, uint32_t sub, unsigned which)
{
    uint32_t r[4];

    cpuid(leaf, sub, r);
    return r[which];
}

#define TOPOLOGY_EXTENSIONS (1u << 22)

/* ---- features ---- */

/* Names of the bits of a register from 0 on, as Linux arch/x86/include/asm/cpufeatures.h has them; '-': none that a program looks for. */
static const struct {
    uint32_t leaf, sub;
    unsigned reg;
    const char *names;
} words[] = {
    { 1, 0, EDX, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe" },
    { 0x80000001, 0, EDX, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow" },
    { 0x80000007, 0, EDX, "- - - - - - - - constant_tsc" },
    { 1, 0, ECX, "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt "
                 "tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor" },
    { 0x80000001, 0, ECX, "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - "
                          "nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx" },
    { 7, 0, EBX, "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - "
                 "clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl" },
    { 13, 1, EAX, "xsaveopt xsavec xgetbv1 xsaves" },
    { 0x80000008, 0, EBX, "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd" },
    { 6, 0, EAX, "- - arat" },
    { 0x8000000a, 0, EDX, "npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists - - pausefilter - pfthreshold avic - v_vmsave_vmload vgif" },
    { 7, 0, ECX, "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg - avx512_vpopcntdq - la57 - - - - - "
                 "rdpid - - cldemote - movdiri movdir64b" },
    { 7, 0, EDX, "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - - - - - serialize - - - - - - - amx_bf16 avx512_fp16 amx_tile amx_int8" },
};

size_t
cpu_features(char *buf, size_t size)
{
    size_t at = 0;

    for (unsigned w = 0; w < ARRAY_SIZE(words); w++) {
        uint32_t bits = reg(words[w].leaf, words[w].sub, words[w].reg);

        for (const char *p = words[w].names; *p != '\0'; bits >>= 1) {
            size_t len = 0;

            while (p[len] != ' ' && p[len] != '\0')
                len++;
            if ((bits & 1) && p[0] != '-' && at + len + 1 < size) {
                memcpy(buf + at, p, len);
                at += len;
                buf[at++] = ' ';
            }
            p += len + (p[len] == ' ');
        }
    }
    at -= at > 0;
    buf[at] = '\0';
    return at;
}

void
cpu_facts(struct cpu_facts *out)
{
    uint32_t r[4], size = reg(0x80000008, 0, EAX);

    *out = (struct cpu_facts){ 0 };
    cpuid(0, 0, r);
    out->highest_leaf = r[EAX];
    memcpy(out->vendor, &r[EBX], 4);
    memcpy(out->vendor + 4, &r[EDX], 4);
    memcpy(out->vendor + 8, &r[ECX], 4);
    for (unsigned n = 0; n < 3; n++) {
        cpuid(0x80000002 + n, 0, r);
        memcpy(out->name + 16 * n, r, 16);
    }
    cpuid(1, 0, r);
    out->family = (r[EAX] >> 8 & 15) + ((r[EAX] >> 8 & 15) == 15 ? r[EAX] >> 20 & 255 : 0);
    out->model = (r[EAX] >> 4 & 15) | (r[EAX] >> 12 & 0xf0);
    out->stepping = r[EAX] & 15;
    out->line_bytes = (r[EBX] >> 8 & 255) * 8;
    out->address_bits = size & 255;
    out->virtual_bits = size >> 8 & 255;
}

/* ---- places ---- */

static unsigned
log2_up(unsigned n)
{
    return n <= 1 ? 0 : 32 - (unsigned)__builtin_clz(n - 1);
}

/* How many low bits of an APIC id tell the threads of a core, and the CPUs of a package, apart. */
static void
place_bits(unsigned *thread_bits, unsigned *package_bits)
{
    uint32_t r[4];

    cpuid(11, 0, r);
    *thread_bits = r[EAX] & 31;
    cpuid(11, 1, r);
    *package_bits = r[EAX] & 31;
    if ((r[EBX] & 0xffff) != 0)
        return;
    cpuid(1, 0, r);
    *thread_bits = 0;
    *package_bits = r[EDX] & 1u << 28 ? log2_up(r[EBX] >> 16 & 255) : 0;
}

static unsigned
apic_id(unsigned cpu)
{
    const volatile struct aeg_cpu_info *c = aeg_info_entry(&AEG_INFO->cpus, cpu);

    return c->apic_id;
}

uint64_t
cpu_neighbours(unsigned cpu, unsigned bits)
{
    uint64_t set = 0;

    for (unsigned n = 0; n < cpu_count(); n++)
        set |= (uint64_t)(apic_id(n) >> bits == apic_id(cpu) >> bits) << n;
    return set;
}

void
cpu_place(unsigned cpu, struct cpu_place *out)
{
    unsigned thread_bits, package_bits, id = apic_id(cpu);

    place_bits(&thread_bits, &package_bits);
    *out = (struct cpu_place){ id >> package_bits, (id & ((1u << package_bits) - 1)) >> thread_bits, id,
                               cpu_neighbours(cpu, thread_bits), cpu_neighbours(cpu, package_bits) };
}

/* ---- caches ---- */

/* Leaf 4 of Intel's, 0x8000001d of AMD's. */
static bool
cache_by_leaf(uint32_t leaf, unsigned n, struct cpu_cache *out)
{
    static const char *const types[] = { NULL, "Data", "Instruction", "Unified" };
    uint32_t r[4];

    cpuid(leaf, n, r);
    if ((r[EAX] & 31) == 0 || (r[EAX] & 31) >= ARRAY_SIZE(types))
        return false;
    *out = (struct cpu_cache){ types[r[EAX] & 31], r[EAX] >> 5 & 7, (r[EBX] & 0xfff) + 1, (r[EBX] >> 22) + 1, r[ECX] + 1, 0,
                              log2_up((r[EAX] >> 14 & 0xfff) + 1) };
    out->bytes = (uint64_t)out->line_bytes * out->ways * out->sets * ((r[EBX] >> 12 & 0x3ff) + 1);
    return true;
}

/* Of a cache that AMD's leaf 0x80000006 describes. */
static unsigned
ways_of(uint32_t code)
{
    static const uint8_t ways[16] = { 0, 1, 2, 0, 4, 0, 8, 0, 16, 0, 32, 48, 64, 96, 128, 255 };

    return ways[code & 15];
}

/* Leaves 0x80000005 and 0x80000006 of AMD's: a core has the first two levels, a package the third. */
static bool
cache_by_size(unsigned n, struct cpu_cache *out)
{
    unsigned thread_bits, package_bits;
    uint32_t first = reg(0x80000005, 0, n == 0 ? ECX : EDX), second = reg(0x80000006, 0, n == 2 ? ECX : EDX);

    if (n < 2)
        *out = (struct cpu_cache){ n == 0 ? "Data" : "Instruction", 1, first & 255, first >> 16 & 255, 0, (uint64_t)(first >> 24) << 10, 0 };
    else
        *out = (struct cpu_cache){ "Unified", n, second & 255, ways_of(second >> 12), 0,
                                  n == 2 ? (uint64_t)(second >> 16) << 10 : (uint64_t)(second >> 18) << 19, 0 };
    if (out->bytes == 0 || out->line_bytes == 0 || out->ways == 0)
        return false;
    out->sets = (unsigned)(out->bytes / out->line_bytes / out->ways);
    place_bits(&thread_bits, &package_bits);
    out->share_bits = n == 3 ? package_bits : thread_bits;
    return true;
}

bool
cpu_cache(unsigned n, struct cpu_cache *out)
{
    struct cpu_facts f;

    cpu_facts(&f);
    if (n >= CPU_CACHES_MAX)
        return false;
    if (strcmp(f.vendor, "AuthenticAMD") != 0)
        return cache_by_leaf(4, n, out);
    return reg(0x80000001, 0, ECX) & TOPOLOGY_EXTENSIONS ? cache_by_leaf(0x8000001d, n, out) : cache_by_size(n, out);
}
