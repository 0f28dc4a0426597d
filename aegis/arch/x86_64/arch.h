/*
 * arch.h: what the rest of the kernel asks of the machine. x86_64 implements it here; test/fake/ implements it for host tests.
 */
#ifndef AEGIS_ARCH_H
#define AEGIS_ARCH_H

#include "core/kernel.h"

/* ---- boot ---- */
#define BOOT_REGION_MAX 64
struct boot_region {
    paddr_t base;
    uint64_t bytes;
};

struct boot_module {
    char name[32];
    paddr_t base;
    uint64_t bytes;
};

/* Everything the loader told us, whichever it was (Multiboot2 or PVH), copied out of its memory. */
struct boot_info {
    char cmdline[1024];                         /* loader's command line, then fw_cfg opt/exos/cmdline */
    struct boot_region usable[BOOT_REGION_MAX]; /* RAM, page-aligned, without the kernel image, modules and low 1 MiB */
    uint32_t usable_count;
    struct boot_module module[AEG_MODULE_MAX];  /* base page-aligned (moved when the loader's was not) */
    uint32_t module_count;
    struct boot_region ram[BOOT_REGION_MAX];    /* all RAM, sorted, with what `usable` leaves out */
    uint32_t ram_count;
    paddr_t rsdp;                               /* 0: rsdp_copy, or search the BIOS area */
    uint8_t rsdp_copy[36];
    uint32_t rsdp_copy_bytes;                   /* 0: none */
    paddr_t memory_top;                         /* end of the highest RAM */
};
extern struct boot_info boot_info;

noreturn void aegis_main(void); /* core/main.c: the rest of the kernel; arch_entry ends there, on the kernel stack */
void arch_boot(void);           /* boot_info, final page tables with direct map (W^X), GDT, IDT, TSS, control registers, serial, VGA */
void arch_devices(void);        /* ACPI, clock calibration, LAPIC, IOAPIC, keyboard; after frame_boot_alloc works */

/* ---- the running CPU ---- */
#define CPU_MAX 16
struct env;
struct space;
struct aeg_uenv;
struct tlb_place;

/* Is this CPU in the kernel, and with whom (core/turn.c)? */
enum turn { TURN_NONE, TURN_BESIDE, TURN_ALONE };

/* Per-CPU state, found through kernel GS. The first fields are known to entry.asm by offset (asm_offsets.inc). */
struct cpu {
    struct cpu *self;
    uint64_t kernel_rsp;        /* top of this CPU's one kernel stack */
    uint64_t scratch[2];
    struct aeg_uenv *uenv;      /* kernel alias of the running env's UENV; a dummy page when idle */
    struct env *env;            /* running env, or NULL */
    struct space *space;        /* whose page tables are loaded */
    uint32_t index;
    uint32_t apic_id;
    uint64_t user_top;          /* AEG_USER_TOP, for one-instruction compares */
    uint64_t slice_end_tsc;
    bool in_grace;              /* slice end was delivered; the bounded time to yield is running */
    uint32_t position;          /* in the slice vector */
    struct aeg_cpu_info *info;
    uint64_t *time_of;          /* whose time is running ... */
    uint64_t time_since_tsc;    /* ... since when */
    volatile uint64_t dozes;    /* it waits for its turn or for an answer, and sleeps until it gets mail (core/mail.h) */
    struct env *home;           /* whose slice is running; NULL: nobody's, or of somebody who is gone */
    volatile bool waits_turn;   /* until nobody is alone (core/turn.c) */
    struct tlb_place *tlb;      /* what its TLB may hold under each PCID (core/tlb.h) */
    uint64_t locks_held;        /* debug: a bit for each rank (core/spin.c) */
    uint64_t armed_tsc;         /* when its timer is to come; UINT64_MAX: never */
    bool graced;                /* the running grace was given to somebody who can use it */
    uint64_t nobody_tsc;        /* what no env has had */
    uint32_t homes;             /* positions that are not empty */
    /* Of several CPUs only: */
    volatile bool online;       /* it has come up */
    volatile bool idle;         /* it sleeps until it is interrupted */
    struct env *occupant;       /* whose on_cpu names this one */
    bool sched;                 /* it holds the lock of who runs where (core/turn.c) */
    uint32_t wakes;             /* whom it interrupts at the end of its turn, a bit each (core/turn.c) */
    struct tlb_news *news;      /* what other TLBs have to hear before that (core/tlb.c) */
    volatile enum turn turn __attribute__((aligned(64)));       /* others look at these */
    volatile uint32_t mail;     /* who wants something, a bit each (core/mail.c) */
};

extern struct cpu cpus[CPU_MAX];

static inline struct cpu *
this_cpu(void)
{
    struct cpu *c;

    __asm__("mov %%gs:0, %0" : "=r"(c));
    return c;
}

/* All registers of a forced pre-emption; lies at the start of the env's save frame, the XSAVE area at SAVE_XSAVE_OFFSET. */
struct save_area {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rsp, rflags, fs_base, gs_base;
};
#define SAVE_XSAVE_OFFSET 512

/* ---- page tables ---- */
extern uint64_t *kernel_pml4;           /* entries 256-511 are copied into every space */
/* Uncached mapping of device registers; never undone. */
void *device_map(paddr_t pa, uint64_t bytes);

void user_selectors_clear(void);    /* entry.asm: what DS, ES, FS and GS select is not carried into another space */

/* ---- time ---- */
uint64_t arch_tsc(void);
/* The same, but loads may move across it: for what is only added up. */
static inline uint64_t
arch_tsc_unordered(void)
{
    uint64_t lo, hi;            /* their upper halves come as zero */

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return hi << 32 | lo;
}
uint64_t time_ns(void);                 /* monotonic since boot; info->tsc_* hold the same formula */
uint64_t ns_to_tsc(uint64_t ns);        /* absolute time to absolute TSC */
void timer_arm(uint64_t tsc);           /* one-shot interrupt at that TSC; UINT64_MAX disarms */
/* Ends the turn; sti; hlt on the empty kernel stack; the interrupt path never returns here. */
noreturn void arch_idle_until_interrupt(void);

/* From now on every call and every page fault of a program is an event of the trace. */
void arch_trace_frequent(void);

/* ---- interrupts ---- */
typedef void irq_handler(void *arg);    /* runs on the kernel stack, interrupts off */
/* A free vector whose interrupt calls handler(arg). Returns the MSI address and data for it. 0 or -1 when vectors are used up. */
int irq_alloc(irq_handler *handler, void *arg, uint64_t *msi_address, uint32_t *msi_data);
/* The same for an IOAPIC line (legacy ISA irq number, overrides applied). */
int irq_isa(unsigned irq, irq_handler *handler, void *arg);
/* A PCI INTx line routed by its interrupt-line register through the IOAPIC, level-triggered. Shared lines are allowed. */
int irq_pci(unsigned gsi, irq_handler *handler, void *arg);
/* sti; hlt; cli, with nothing but mail let in. Comes back after some. */
void arch_doze(void);
/* Interrupts another CPU: to read its mail, and no more; to look for work, too. */
void ipi_mail(const struct cpu *to);
void ipi_wake(const struct cpu *to);
/* The kernel dies: no other CPU does anything more. */
void cpus_stop(void);
/* Called by the arch interrupt path: timer -> slice_end.c. */
void sched_timer(void);

/* ---- console (arch/x86_64/console.c: serial ports, VGA text, PS/2 keyboard) ---- */
size_t console_put(unsigned port, const char *buf, size_t n);   /* AEG_CONSOLE_MAIN or _LOG; how many bytes the device had room for */
void console_out(unsigned port, const char *buf, size_t n);     /* the same, waiting for room: the kernel's last words */
void console_flush(void);                                       /* what was written is on the screen, too */
size_t console_in(unsigned port, char *buf, size_t n);          /* bytes that have come in */
extern void (*console_input_hook)(unsigned port);               /* called after input arrived; set by core/console.c */

noreturn void arch_power(uint32_t op, uint32_t code);

/* True when the command line has this word: `name`, or `name=...`; *value is then what follows the '=' ("" without), up to a space. */
bool boot_option(const char *name, const char **value);

/* ---- ports ---- */
static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) { uint8_t v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline uint16_t inw(uint16_t port) { uint16_t v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline uint32_t inl(uint16_t port) { uint32_t v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }

#endif
