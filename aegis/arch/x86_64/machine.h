/*
 * machine.h: what the files of arch/x86_64/ ask of each other. The rest of the kernel sees arch.h alone.
 */
#ifndef AEGIS_ARCH_MACHINE_H
#define AEGIS_ARCH_MACHINE_H

#include "arch/x86_64/arch.h"
#include "arch/x86_64/trap.h"

/* Model-specific registers (Intel SDM vol. 4). */
#define MSR_APIC_BASE 0x1b
#define MSR_SYSENTER_CS 0x174
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC 0x800
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

static inline uint64_t
rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void
wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid
cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

/* cpu.c */
extern struct cpu_traits {
    uint64_t features;          /* AEG_CPU_* */
    uint64_t xsave_mask;
    uint32_t xsave_size;
    bool x2apic, tsc_deadline;
} cpu_traits;
extern const uint8_t *syscall_untraced;     /* where they enter but for that */
void syscall_entry_set(void);   /* of this CPU */
void cpu_init(void);            /* features, control registers, system-call registers; needs the IDT */
void cpu_init_other(void);      /* the same registers of another CPU, which is as the first */

/* segments.c */
void segments_init(struct cpu *cpu);    /* the boot CPU's stacks, GDT, TSS; the IDT */
void segments_prepare(struct cpu *cpu); /* another CPU's, which loads them itself */
void segments_load(struct cpu *cpu);
void invalid_opcode_emulated(void);     /* #UD looks for instructions that the CPU has not (fsgsbase.c) */
void segments_trace(void);              /* page faults enter by trace.asm */
extern const uint8_t *stack_guards[];   /* pages that stay unmapped; NULL ends */

/* paging.c */
#define DIRECT_MAX (1ull << 45) /* RAM from here on is not used */
void paging_init(void);         /* the final tables; needs boot_info */
void paging_use_frames(void);   /* from now on tables come from frame_boot_alloc */
const void *firmware_map(paddr_t pa, uint64_t bytes);   /* cached, read-only: ACPI tables */
void *stack_map(uint64_t bytes);        /* fresh memory, nothing mapped below it; boot only */

/* boot.c */
paddr_t boot_take_frame(void);
extern bool boot_graphics;      /* the screen is not in text mode */

/* serial.c, vga.c, keyboard.c */
void serial_init(void);
void serial_irq_init(void);
size_t serial_put(unsigned port, const char *buf, size_t n);    /* how much was taken: what there was room for */
void serial_out(unsigned port, const char *buf, size_t n);      /* waits for room */
void serial_poll(void);         /* moves what came in to the console's input */
void vga_init(void);
void vga_out(const char *buf, size_t n);
void vga_flush(void);           /* the screen shows all that was written */
void vga_flush_due(void);       /* the same, when it has been a while */
void keyboard_init(void);

/* console.c: bytes from a device; false when the ring is full (they are not taken) */
bool console_put_input(const char *bytes, size_t n);
size_t console_input_room(void);
void console_input_arrived(void);

/* trap.c */
noreturn void panic_trap(const struct trap_frame *f, const char *why);

/* apic.c, ioapic.c, clock.c, acpi.c, power.c */
void acpi_init(void);
void lapic_init(void);
void lapic_init_other(void);
/* To one CPU: the low half of the interrupt command register (SDM 10.6.1). */
void lapic_send(uint32_t apic_id, uint32_t command);
#define IPI_FIXED 0x4000u       /* and the vector */
#define IPI_NMI 0x4400u
#define IPI_INIT 0x4500u
#define IPI_STARTUP 0x4600u     /* and the page */
void lapic_eoi(void);
uint32_t lapic_id(void);
void lapic_timer_calibrate_begin(void);
void lapic_timer_calibrate_end(uint64_t tsc_ticks);
void timer_interrupt(void);
void ioapic_init(void);
bool ioapic_route(unsigned gsi, unsigned vector, bool level, bool active_low);
void clock_init(void);

/* cpus.c */
void cpus_init(void);           /* all CPUs that the firmware names are running, with nothing to do */
uint64_t rtc_read_ns(void);

#endif
