/*
 * cpus.c: the other CPUs: started, and stopped when the kernel dies.
 *
 * Holds:    cpus[0] is the boot CPU, the others follow in the firmware's order, CPU_MAX at most. One that does not come up stays away.
 * Source:   Intel SDM vol. 3A, 8.4; ACPI Specification 6.4, 5.2.12.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"
#include "core/turn.h"

#define TRAMPOLINE_PA 0x8000ull         /* a page of low memory (ap.asm) */
#define XAPIC_ID_MAX 254u               /* what an interrupt can be sent to without x2APIC */
#define INIT_NS 10000000ull
#define STARTUP_NS 200000ull
#define ONLINE_NS 1000000000ull

extern const uint8_t ap_trampoline[], ap_trampoline_end[];
extern struct cpu *ap_cpu;
extern uint64_t ap_cr3;
extern const uint8_t syscall_entry[], syscall_entry_many[];
noreturn void ap_main(struct cpu *cpu);

static void
delay(uint64_t ns)
{
    for (uint64_t end = time_ns() + ns; time_ns() < end;)
        __builtin_ia32_pause();
}

/* The first C code of another CPU, on its kernel stack. */
void
ap_main(struct cpu *cpu)
{
    segments_load(cpu);
    cpu_init_other();
    lapic_init_other();
    cpu->idle = true;
    cpu->online = true;
    for (;;)
        __asm__ volatile("sti; hlt; cli");      /* an interrupt does not come back here */
}

static bool
trampoline_fits(void)
{
    for (uint32_t i = 0; i < boot_info.ram_count; i++)
        if (boot_info.ram[i].base <= TRAMPOLINE_PA && TRAMPOLINE_PA + FRAME_SIZE <= boot_info.ram[i].base + boot_info.ram[i].bytes)
            return true;
    return false;
}

/* Interrupts are off here, so that nothing delays the second one, which old CPUs want. */
static void
start(struct cpu *cpu)
{
    ap_cpu = cpu;
    lapic_send(cpu->apic_id, IPI_INIT);
    delay(INIT_NS);
    for (unsigned i = 0; i < 2 && !cpu->online; i++) {
        lapic_send(cpu->apic_id, IPI_STARTUP | TRAMPOLINE_PA >> FRAME_SHIFT);
        delay(STARTUP_NS);
    }
    for (uint64_t end = time_ns() + ONLINE_NS; !cpu->online && time_ns() < end;)
        __builtin_ia32_pause();
}

static bool
reachable(uint32_t apic_id)
{
    return apic_id != cpus[0].apic_id && (cpu_traits.x2apic || apic_id <= XAPIC_ID_MAX);
}

void
cpus_init(void)
{
    uint32_t named = MIN(acpi.cpu_count, CPU_MAX), count = 1;

    cpus[0].online = true;
    if (named <= 1 || !trampoline_fits())
        return;
    memcpy(direct_map(TRAMPOLINE_PA), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
    ap_cr3 = direct_unmap(kernel_pml4);
    syscall_untraced = syscall_entry_many;
    for (uint32_t i = 0; i < named && count < CPU_MAX; i++) {
        struct cpu *cpu = &cpus[count];

        if (!reachable(acpi.apic_id[i]))
            continue;
        *cpu = (struct cpu){ .self = cpu, .index = count, .apic_id = acpi.apic_id[i] };
        segments_prepare(cpu);
        start(cpu);
        if (!cpu->online) {
            klog("cpus: the one with APIC %u does not start", cpu->apic_id);
            break;              /* it may yet, and must not find another's stack */
        }
        count++;
    }
    klog("cpus: %u of %u run", count, acpi.cpu_count);
    if (count == 1) {
        syscall_untraced = syscall_entry;
        return;
    }
    info->cpu_count = count;
    cpus_many = true;
    turn_alone(&cpus[0]);
    syscall_entry_set();
}

void
ipi_mail(const struct cpu *to)
{
    lapic_send(to->apic_id, IPI_FIXED | VECTOR_MAIL);
}

void
ipi_wake(const struct cpu *to)
{
    lapic_send(to->apic_id, IPI_FIXED | VECTOR_WAKE);
}

void
cpus_stop(void)
{
    for (uint32_t i = 0; i < CPU_MAX; i++)
        if (cpus[i].online && &cpus[i] != this_cpu())
            lapic_send(cpus[i].apic_id, IPI_NMI);
}
