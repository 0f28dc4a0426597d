/*
 * segments.c: descriptor tables: segments, the task state with its stacks, the interrupt vectors.
 *
 * Holds:    NMI, #DB, #DF and #MC run on stacks of their own, with the CPU's struct cpu just above what the hardware pushes (stubs.asm).
 *           User code is 64-bit code: upcalls and saved registers carry no cs. The place of its 32-bit segment, which STAR names, is empty.
 * Source:   Intel SDM vol. 3A, chapters 3, 6 and 7.
 */
#include "arch/x86_64/machine.h"

#define STACK_BYTES 16384       /* boot.asm */
#define IST_BYTES 8192
#define IST_COUNT 4
#define STUB_BYTES 16           /* stubs.asm */

#define GATE_INTERRUPT 0x8e00u  /* present, DPL 0, interrupts off */
#define GATE_USER 0x6000u       /* DPL 3 */

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_bitmap;
} __attribute__((packed));
static_assert(sizeof(struct tss) == 104, "task state");

struct gate {
    uint16_t offset_low, selector, flags, offset_middle;
    uint32_t offset_high, reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

struct ist_stack {
    uint8_t guard[FRAME_SIZE];
    uint8_t bytes[IST_BYTES - 16];
    struct cpu *cpu;
    uint64_t reserved;
};
static_assert(sizeof(struct ist_stack) == FRAME_SIZE + IST_BYTES, "stack_map");

extern uint8_t boot_stack_guard[], boot_stack_top[];
extern const uint8_t vector_stubs[], page_fault_entry[], page_fault_entry_traced[], invalid_opcode_entry[], invalid_opcode_emulating_entry[];

#define GDT_ENTRIES (SEL_TSS / 8 + 2)

static struct ist_stack boot_ist[IST_COUNT] __attribute__((aligned(4096)));
static struct gate idt[256] __attribute__((aligned(16)));
static const uint64_t gdt[GDT_ENTRIES] = {
    [SEL_KERNEL_CS / 8] = 0x00af9b000000ffff,
    [SEL_KERNEL_DS / 8] = 0x00cf93000000ffff,
    [SEL_USER_DS / 8] = 0x00cff3000000ffff,
    [SEL_USER_CS / 8] = 0x00affb000000ffff,
};

/* What each CPU has of its own. */
static struct {
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
} tables[CPU_MAX] __attribute__((aligned(64)));

const uint8_t *stack_guards[] = {
    boot_stack_guard, boot_ist[0].guard, boot_ist[1].guard, boot_ist[2].guard, boot_ist[3].guard, NULL,
};

static void
ist_init(struct cpu *cpu, unsigned number, struct ist_stack *stack)
{
    stack->cpu = cpu;
    tables[cpu->index].tss.ist[number] = (uint64_t)&stack->cpu;
}

static void
tss_init(struct cpu *cpu, uint64_t kernel_rsp)
{
    struct tss *tss = &tables[cpu->index].tss;
    uint64_t base = (uint64_t)tss, *own = tables[cpu->index].gdt;

    cpu->user_top = AEG_USER_TOP;
    cpu->kernel_rsp = kernel_rsp;
    tss->rsp[0] = kernel_rsp;
    tss->io_bitmap = sizeof(*tss);
    memcpy(own, gdt, sizeof(gdt));
    own[SEL_TSS / 8] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    own[SEL_TSS / 8 + 1] = base >> 32;
}

static void
gate_set(unsigned vector, unsigned flags, const uint8_t *entry)
{
    uint64_t at = (uint64_t)entry;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)at,
        .selector = SEL_KERNEL_CS,
        .flags = (uint16_t)(GATE_INTERRUPT | flags),
        .offset_middle = (uint16_t)(at >> 16),
        .offset_high = (uint32_t)(at >> 32),
    };
}

static const uint8_t *
stub_of(unsigned vector)
{
    return vector_stubs + vector * STUB_BYTES;
}

static void
idt_init(void)
{
    for (unsigned vector = 0; vector < ARRAY_SIZE(idt); vector++)
        gate_set(vector, 0, stub_of(vector));
    gate_set(VECTOR_PF, 0, page_fault_entry);
    gate_set(VECTOR_UD, 0, invalid_opcode_entry);
    gate_set(3, GATE_USER, stub_of(3)); /* int3, into */
    gate_set(4, GATE_USER, stub_of(4));
    gate_set(VECTOR_NMI, 1, stub_of(VECTOR_NMI));       /* the numbers are the stacks */
    gate_set(VECTOR_DB, 2, stub_of(VECTOR_DB));
    gate_set(VECTOR_DF, 3, stub_of(VECTOR_DF));
    gate_set(VECTOR_MC, 4, stub_of(VECTOR_MC));
}

void
invalid_opcode_emulated(void)
{
    gate_set(VECTOR_UD, 0, invalid_opcode_emulating_entry);
}

/* The GS base is lost by loading a selector, so it is set again; the others keep their hidden parts in long mode. */
void
segments_load(struct cpu *cpu)
{
    struct table_pointer g = { sizeof(gdt) - 1, (uint64_t)tables[cpu->index].gdt }, i = { sizeof(idt) - 1, (uint64_t)idt };

    __asm__ volatile("lgdt %0" : : "m"(g));
    __asm__ volatile("pushq %0\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n1:" : : "i"(SEL_KERNEL_CS) : "rax", "memory");
    __asm__ volatile("movl %0, %%ss\n\tmovl %1, %%ds\n\tmovl %1, %%es\n\tmovl %1, %%fs\n\tmovl %1, %%gs"
                     : : "r"(SEL_KERNEL_DS), "r"(0));
    wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    __asm__ volatile("lidt %0" : : "m"(i));
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
    /* A CPU starts with a local table at address 0, which is the user's. */
    __asm__ volatile("lldt %w0" : : "r"(0));
}

void
segments_trace(void)
{
    gate_set(VECTOR_PF, 0, page_fault_entry_traced);
}

void
segments_init(struct cpu *cpu)
{
    tss_init(cpu, (uint64_t)boot_stack_top);
    for (unsigned i = 0; i < IST_COUNT; i++)
        ist_init(cpu, i, &boot_ist[i]);
    idt_init();
    segments_load(cpu);
}

void
segments_prepare(struct cpu *cpu)
{
    tss_init(cpu, (uint64_t)stack_map(STACK_BYTES) + STACK_BYTES);
    for (unsigned i = 0; i < IST_COUNT; i++)
        ist_init(cpu, i, (struct ist_stack *)((uint8_t *)stack_map(IST_BYTES) - FRAME_SIZE));
}
