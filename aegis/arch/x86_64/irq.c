/*
 * irq.c: who is called when an interrupt comes.
 *
 * Holds:    a vector is free, an MSI of one handler, or a line of up to SHARE_MAX handlers. Handlers run with interrupts off.
 *           Message-signalled interrupts go to the CPUs in turn, lines to the first. Whoever takes one is alone in the kernel; mail is not
 *           an interrupt in this sense.
 * Locks:    none: registration happens at boot, on one CPU.
 */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/machine.h"
#include "core/mail.h"
#include "core/trace.h"
#include "core/turn.h"

#define SHARE_MAX 4
#define MSI_ADDRESS 0xfee00000ull
#define ISA_IRQS 16

static struct vector {
    irq_handler *handler[SHARE_MAX];
    void *arg[SHARE_MAX];
    unsigned count;
    int gsi;                    /* the line, or -1 */
    uint64_t spurious;
} vectors[VECTOR_ALLOC_LAST + 1 - VECTOR_ALLOC_FIRST];
static unsigned vectors_used;

static int
vector_take(int gsi, irq_handler *handler, void *arg)
{
    struct vector *v;

    if (vectors_used == ARRAY_SIZE(vectors))
        return -1;
    v = &vectors[vectors_used];
    v->handler[0] = handler;
    v->arg[0] = arg;
    v->count = 1;
    v->gsi = gsi;
    return (int)(VECTOR_ALLOC_FIRST + vectors_used++);
}

/* Without x2APIC's remapping a message has room for eight bits of an APIC's number. */
static uint32_t
msi_cpu(void)
{
    static uint32_t next;
    uint32_t cpu = next++ % info->cpu_count;

    return cpus[cpu].apic_id <= UINT8_MAX ? cpu : 0;
}

int
irq_alloc(irq_handler *handler, void *arg, uint64_t *msi_address, uint32_t *msi_data)
{
    int vector = vector_take(-1, handler, arg);

    if (vector < 0)
        return -1;
    *msi_address = MSI_ADDRESS | (uint64_t)cpus[msi_cpu()].apic_id << 12;
    *msi_data = (uint32_t)vector;
    return 0;
}

static struct vector *
vector_of_line(unsigned gsi)
{
    for (unsigned i = 0; i < vectors_used; i++)
        if (vectors[i].gsi == (int)gsi)
            return &vectors[i];
    return NULL;
}

static int
line_connect(unsigned gsi, bool level, bool active_low, irq_handler *handler, void *arg)
{
    struct vector *v = vector_of_line(gsi);
    int vector;

    if (v != NULL) {
        if (v->count == SHARE_MAX)
            return -1;
        v->handler[v->count] = handler;
        v->arg[v->count] = arg;
        v->count++;
        return 0;
    }
    vector = vector_take((int)gsi, handler, arg);
    if (vector < 0 || !ioapic_route(gsi, (unsigned)vector, level, active_low))
        return -1;
    return 0;
}

static const struct acpi_override *
override_of(unsigned irq)
{
    for (uint32_t i = 0; i < acpi.override_count; i++)
        if (acpi.override[i].irq == irq)
            return &acpi.override[i];
    return NULL;
}

int
irq_isa(unsigned irq, irq_handler *handler, void *arg)
{
    const struct acpi_override *o = override_of(irq);

    if (o == NULL)
        return line_connect(irq, false, false, handler, arg);
    return line_connect(o->gsi, (o->flags >> 2 & 3) == 3, (o->flags & 3) == 3, handler, arg);
}

/* PCI lines are level-triggered and active low unless the firmware says how the ISA line that they use is. */
int
irq_pci(unsigned gsi, irq_handler *handler, void *arg)
{
    const struct acpi_override *o = gsi < ISA_IRQS ? override_of(gsi) : NULL;

    if (o != NULL)
        return line_connect(o->gsi, true, (o->flags & 3) != 1, handler, arg);
    return line_connect(gsi, true, true, handler, arg);
}

/* Who wakes it wants it to look for work: it does at the end of its turn. */
void
interrupt_dozing(unsigned vector)
{
    if (vector == VECTOR_SPURIOUS)
        return;
    lapic_eoi();
    if (vector == VECTOR_WAKE)
        this_cpu()->wakes |= 1u << this_cpu()->index;
}

/* The timer is acknowledged first, since sched_timer may not come back; a line last, or it would come again at once. */
void
interrupt_dispatch(unsigned vector)
{
    struct vector *v;

    struct cpu *cpu = this_cpu();

    if (vector == VECTOR_MAIL) {
        lapic_eoi();
        mail_serve(cpu);
        return;
    }
    if (vector == VECTOR_WAKE)
        lapic_eoi();            /* or mail could not come while this CPU waits for its turn */
    if (cpus_many)
        turn_alone(cpu);
    trace(AEG_TRACE_INTERRUPT, vector, 0);
    if (vector == VECTOR_SPURIOUS)
        return;
    if (vector == VECTOR_WAKE)
        return;
    if (vector == VECTOR_TIMER) {
        lapic_eoi();
        timer_interrupt();
        return;
    }
    if (vector >= VECTOR_ALLOC_FIRST && vector < VECTOR_ALLOC_FIRST + vectors_used) {
        v = &vectors[vector - VECTOR_ALLOC_FIRST];
        for (unsigned i = 0; i < v->count; i++)
            v->handler[i](v->arg[i]);
        lapic_eoi();
        return;
    }
    if (vector >= VECTOR_ALLOC_FIRST)
        lapic_eoi();            /* below are the legacy controllers' spurious ones, which want none */
    klog("irq: unexpected vector %x", vector);
}
