/*
 * apic.c: the CPU's local interrupt controller and its one-shot timer.
 *
 * Holds:    x2APIC by MSR when CPUID has it, else the registers in memory; TSC-deadline when CPUID has it, else the counter, whose rate is
 *           measured beside the TSC's (clock.c).
 * Source:   Intel SDM vol. 3A, chapter 10.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"
#include "core/log.h"

enum {
    REG_ID = 0x02, REG_TPR = 0x08, REG_EOI = 0x0b, REG_SPURIOUS = 0x0f, REG_LVT_TIMER = 0x32, REG_LVT_LINT0 = 0x35, REG_LVT_LINT1 = 0x36,
    REG_LVT_ERROR = 0x37, REG_COMMAND = 0x30, REG_COMMAND_TO = 0x31, REG_TIMER_INITIAL = 0x38, REG_TIMER_CURRENT = 0x39, REG_TIMER_DIVIDE = 0x3e,
};
#define BASE_ENABLE (1u << 11)
#define BASE_X2APIC (1u << 10)
#define BASE_ADDRESS 0x000ffffffffff000ull
#define SPURIOUS_ENABLE 0x100u
#define LVT_MASKED 0x10000u
#define LVT_NMI 0x400u
#define TIMER_DEADLINE 0x40000u
#define DIVIDE_1 0x0bu
#define COMMAND_BUSY 0x1000u
#define BUSY_MAX 1000000u

static volatile uint32_t *registers;
static uint64_t count_mult;             /* timer counts per TSC tick, times 2^32 */

static uint32_t
reg_read(unsigned reg)
{
    return cpu_traits.x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg) : registers[reg * 4];
}

static void
reg_write(unsigned reg, uint32_t v)
{
    if (cpu_traits.x2apic)
        wrmsr(MSR_X2APIC + reg, v);
    else
        registers[reg * 4] = v;
}

void
lapic_eoi(void)
{
    reg_write(REG_EOI, 0);
}

uint32_t
lapic_id(void)
{
    return cpu_traits.x2apic ? reg_read(REG_ID) : reg_read(REG_ID) >> 24;
}

/* Of the running CPU. */
static void
enable(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    wrmsr(MSR_APIC_BASE, base | BASE_ENABLE | (cpu_traits.x2apic ? BASE_X2APIC : 0));
    reg_write(REG_TPR, 0);
    reg_write(REG_LVT_LINT0, LVT_MASKED);
    reg_write(REG_LVT_LINT1, LVT_NMI);
    reg_write(REG_LVT_ERROR, LVT_MASKED);
    reg_write(REG_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    reg_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    this_cpu()->apic_id = lapic_id();
    this_cpu()->armed_tsc = UINT64_MAX;
}

void
lapic_init(void)
{
    if (!cpu_traits.x2apic)
        registers = device_map(rdmsr(MSR_APIC_BASE) & BASE_ADDRESS, FRAME_SIZE);
    enable();
}

static void
timer_mode(void)
{
    reg_write(REG_LVT_TIMER, VECTOR_TIMER | (cpu_traits.tsc_deadline ? TIMER_DEADLINE : 0));
    __asm__ volatile("mfence" : : : "memory");  /* the mode, before the first deadline (SDM 10.5.4.1) */
}

void
lapic_init_other(void)
{
    enable();
    reg_write(REG_TIMER_DIVIDE, DIVIDE_1);
    timer_mode();
}

void
lapic_send(uint32_t apic_id, uint32_t command)
{
    if (cpu_traits.x2apic) {
        __asm__ volatile("mfence; lfence" : : : "memory");      /* the write does not wait for stores before it (SDM 10.12.3) */
        wrmsr(MSR_X2APIC + REG_COMMAND, (uint64_t)apic_id << 32 | command);
        return;
    }
    for (unsigned i = 0; i < BUSY_MAX && reg_read(REG_COMMAND) & COMMAND_BUSY; i++)
        __builtin_ia32_pause();
    reg_write(REG_COMMAND_TO, apic_id << 24);
    reg_write(REG_COMMAND, command);
}

void
lapic_timer_calibrate_begin(void)
{
    reg_write(REG_TIMER_DIVIDE, DIVIDE_1);
    reg_write(REG_TIMER_INITIAL, UINT32_MAX);
}

void
lapic_timer_calibrate_end(uint64_t tsc_ticks)
{
    uint32_t counts = UINT32_MAX - reg_read(REG_TIMER_CURRENT);

    reg_write(REG_TIMER_INITIAL, 0);
    count_mult = ((uint64_t)counts << 32) / tsc_ticks;
    timer_mode();
    if (count_mult == 0 && !cpu_traits.tsc_deadline)
        panic("the local APIC's timer does not count");
}

/* Counts are rounded up; a wait too long for the counter is taken in several steps (timer_interrupt). */
static void
arm_counter(uint64_t tsc)
{
    uint64_t now = arch_tsc();
    uint64_t counts = tsc <= now ? 1 : (uint64_t)((unsigned __int128)(tsc - now) * count_mult >> 32) + 1;

    reg_write(REG_TIMER_INITIAL, (uint32_t)MIN(counts, UINT32_MAX));
}

void
timer_arm(uint64_t tsc)
{
    this_cpu()->armed_tsc = tsc;
    if (cpu_traits.tsc_deadline)
        wrmsr(MSR_TSC_DEADLINE, tsc == UINT64_MAX ? 0 : tsc);
    else if (tsc == UINT64_MAX)
        reg_write(REG_TIMER_INITIAL, 0);
    else
        arm_counter(tsc);
}

void
timer_interrupt(void)
{
    struct cpu *cpu = this_cpu();

    vga_flush_due();
    (void)log_drained();
    if (cpu->armed_tsc != UINT64_MAX && arch_tsc() < cpu->armed_tsc) {
        timer_arm(cpu->armed_tsc);
        return;
    }
    cpu->armed_tsc = UINT64_MAX;
    sched_timer();
}
