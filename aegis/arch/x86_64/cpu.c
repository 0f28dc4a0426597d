/*
 * cpu.c: what the CPU can do, and the control registers that make it do it.
 *
 * CPUID alone is believed: some virtual CPUs accept control bits and registers that they do not have. FSGSBASE and XSAVE are replaced
 * where they are missing (fsgsbase.c, entry.asm).
 * Sources: Intel SDM vol. 3A, 2.5 and 13.3; AMD APM vol. 2, 6.1 (syscall).
 */
#include "arch/x86_64/fsgsbase.h"
#include "arch/x86_64/machine.h"
#include "arch/x86_64/vector.h"

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)

#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_PCIDE (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define CR4_PKE (1u << 22)

#define EFER_SCE 1u
#define EFER_NXE (1u << 11)

#define XCR0_X87_SSE 3u
#define XCR0_AVX 4u
#define XCR0_AVX512 0xe0u
#define XCR0_PKRU 0x200u
#define FXSAVE_BYTES 512

/* What a library must not carry into the kernel: TF, IF, DF, IOPL, NT, RF, AC, ID aside. */
#define FMASK 0x00057700u

extern uint8_t syscall_entry[], syscall_entry_traced[];
extern uint8_t *const smap_sites_begin[], *const smap_sites_end[];

struct cpu_traits cpu_traits;
const uint8_t *syscall_untraced = syscall_entry;

static bool
has_xsave(void)
{
    return cpuid(1, 0).c >> 26 & 1;
}

static void
read_features(void)
{
    struct cpuid l1 = cpuid(1, 0), l7 = { 0 }, x1 = cpuid(0x80000001, 0);
    uint64_t f = 0;

    if (cpuid(0, 0).a >= 7)
        l7 = cpuid(7, 0);
    f |= l7.b & 1 ? AEG_CPU_FSGSBASE : 0;
    f |= (l7.c >> 3 & 1) && has_xsave() ? AEG_CPU_PKU : 0;
    f |= x1.d >> 26 & 1 ? AEG_CPU_1GIB : 0;
    f |= l1.c >> 17 & 1 ? AEG_CPU_PCID : 0;
    f |= (l1.c >> 17 & 1) && (l7.b >> 10 & 1) ? AEG_CPU_INVPCID : 0;
    f |= l7.b >> 20 & 1 ? AEG_CPU_SMAP : 0;
    f |= l7.b >> 7 & 1 ? AEG_CPU_SMEP : 0;
    f |= l7.c >> 2 & 1 ? AEG_CPU_UMIP : 0;
    cpu_traits.features = f;
    cpu_traits.x2apic = l1.c >> 21 & 1;
    cpu_traits.tsc_deadline = l1.c >> 24 & 1;
}


static void
control_registers(void)
{
    uint64_t cr0, cr4, f = cpu_traits.features;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    cr0 = (cr0 & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP | CR0_AM;
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    cr4 |= CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= has_xsave() ? CR4_OSXSAVE : 0;
    cr4 |= f & AEG_CPU_FSGSBASE ? CR4_FSGSBASE : 0;
    cr4 |= cpuid(1, 0).d >> 7 & 1 ? CR4_MCE : 0;
    cr4 |= f & AEG_CPU_PCID ? CR4_PCIDE : 0;     /* CR3 names PCID 0 now, as it must */
    cr4 |= f & AEG_CPU_SMEP ? CR4_SMEP : 0;
    cr4 |= f & AEG_CPU_SMAP ? CR4_SMAP : 0;
    cr4 |= f & AEG_CPU_UMIP ? CR4_UMIP : 0;
    cr4 |= f & AEG_CPU_PKU ? CR4_PKE : 0;
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

static void
xcr0_set(uint64_t mask)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)));
}

/* As much state as the CPU has and the save frame holds; AVX-512 is given up when it does not fit. */
static void
extended_state(void)
{
    struct cpuid l = cpuid(0xd, 0);
    uint64_t have = l.a & (XCR0_X87_SSE | XCR0_AVX | XCR0_AVX512);

    if (!has_xsave()) {
        cpu_traits.xsave_size = FXSAVE_BYTES;
        vector_state_setup(0);
        return;
    }
    if (!(have & XCR0_AVX) || (have & XCR0_AVX512) != XCR0_AVX512)
        have &= ~(uint64_t)XCR0_AVX512;
    if (cpu_traits.features & AEG_CPU_PKU)
        have |= l.a & XCR0_PKRU;
    xcr0_set(have);
    if (cpuid(0xd, 0).b > FRAME_SIZE - SAVE_XSAVE_OFFSET) {
        have &= ~(uint64_t)XCR0_AVX512;
        xcr0_set(have);
    }
    cpu_traits.xsave_mask = have;
    vector_state_setup(have);
    cpu_traits.xsave_size = cpuid(0xd, 0).b;
    AEG_ASSERT(cpu_traits.xsave_size <= FRAME_SIZE - SAVE_XSAVE_OFFSET);
}

void
syscall_entry_set(void)
{
    wrmsr(MSR_LSTAR, (uint64_t)(boot_option("ktrace", NULL) ? syscall_entry_traced : syscall_untraced));
}

static void
syscall_registers(void)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    wrmsr(MSR_STAR, (uint64_t)SEL_USER_CS32 << 48 | (uint64_t)SEL_KERNEL_CS << 32);
    syscall_entry_set();
    wrmsr(MSR_FMASK, FMASK);
    wrmsr(MSR_SYSENTER_CS, 0);          /* sysenter faults */
    if (cpuid(0x80000001, 0).d >> 27 & 1)
        wrmsr(MSR_TSC_AUX, this_cpu()->index);
}

/* Without SMAP, stac and clac do not exist: each becomes a three-byte no-op, while the boot tables still let text be written. */
static void
patch_smap(void)
{
    static const uint8_t nop3[] = { 0x0f, 0x1f, 0x00 };

    if (cpu_traits.features & AEG_CPU_SMAP)
        return;
    for (uint8_t *const *site = smap_sites_begin; site < smap_sites_end; site++)
        memcpy(*site, nop3, sizeof(nop3));
}

void
cpu_init(void)
{
    read_features();
    patch_smap();
    if (!(cpu_traits.features & AEG_CPU_FSGSBASE))
        fsgsbase_replace();
    control_registers();
    extended_state();
    syscall_registers();
}

void
cpu_init_other(void)
{
    control_registers();
    if (has_xsave())
        xcr0_set(cpu_traits.xsave_mask);
    syscall_registers();
}
