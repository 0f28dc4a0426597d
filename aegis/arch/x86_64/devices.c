/*
 * devices.c: the second half of the machine's start: what needs frames.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"
#include "core/turn.h"

void
arch_devices(void)
{
    paging_use_frames();
    acpi_init();                /* what the machine has */
    ioapic_init();              /* lines masked, legacy controllers silent */
    lapic_init();
    clock_init();               /* TSC and timer rates, the calendar */
    serial_irq_init();
    keyboard_init();
    cpus_init();                /* the other CPUs, which wait */
    info->cpu_features = cpu_traits.features;
    info->xsave_mask = cpu_traits.xsave_mask;
    info->xsave_size = cpu_traits.xsave_size;
    klog("cpu: features %lx, xsave %u bytes of %lx%s%s", cpu_traits.features, cpu_traits.xsave_size, cpu_traits.xsave_mask,
         cpu_traits.x2apic ? ", x2apic" : "", cpu_traits.tsc_deadline ? ", tsc-deadline" : "");
}

void
arch_doze(void)
{
    __asm__ volatile("mov %0, %%cr8\n\tsti\n\thlt\n\tcli\n\tmov %1, %%cr8"
                     : : "r"((uint64_t)VECTOR_CLASS_DOZING), "r"(0ull) : "memory");
}

/* The CPU sleeps on its empty stack; what interrupts it starts from the top again, so nothing of this call is kept. */
void
arch_idle_until_interrupt(void)
{
    vga_flush();
    turn_end(this_cpu());
    __asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n1:\tsti\n\thlt\n\tcli\n\tjmp 1b" : : "r"(this_cpu()->kernel_rsp) : "memory");
    __builtin_unreachable();
}
