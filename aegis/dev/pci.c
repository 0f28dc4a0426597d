/*
 * pci.c: finding PCI functions and switching them on.
 *
 * Holds:    the functions found at boot, reached through configuration ports 0xcf8 and 0xcfc (PCI Local Bus 3.0, 3.2.2.3.2), which q35
 *           and i440fx both have. Bus numbers and BARs are the firmware's.
 * Locks:    none: boot only.
 * Not here: hot plug, resource assignment, the memory-mapped configuration space.
 */
#include "dev/pci.h"
#include "dev/limits.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define REG_VENDOR 0x00
#define REG_COMMAND 0x04
#define REG_STATUS 0x06
#define REG_CLASS 0x08
#define REG_HEADER 0x0e
#define REG_BAR0 0x10
#define REG_SECONDARY 0x19
#define REG_CAPABILITIES 0x34
#define REG_IRQ_LINE 0x3c
#define COMMAND_MEMORY 0x0002u
#define COMMAND_MASTER 0x0004u
#define COMMAND_NO_INTX 0x0400u
#define STATUS_CAPABILITIES 0x0010u
#define HEADER_MULTI 0x80u
#define HEADER_BRIDGE 0x01u
#define CLASS_BRIDGE 0x0604u

#define MSIX_ENABLE 0x8000u
#define MSIX_MASK_ALL 0x4000u
#define MSIX_ENTRY_WORDS 4
#define MSIX_ENTRY_MASKED 1u

static struct pci_device device[PCI_DEVICE_MAX];
static unsigned device_count;
static uint32_t bus_seen[256 / 32];

uint32_t
pci_read32(const struct pci_device *d, unsigned offset)
{
    outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)d->bus << 16 | (uint32_t)d->slot << 11 | (uint32_t)d->function << 8 | (offset & 0xfc));
    return inl(CONFIG_DATA);
}

void
pci_write32(const struct pci_device *d, unsigned offset, uint32_t v)
{
    outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)d->bus << 16 | (uint32_t)d->slot << 11 | (uint32_t)d->function << 8 | (offset & 0xfc));
    outl(CONFIG_DATA, v);
}

uint16_t
pci_read16(const struct pci_device *d, unsigned offset)
{
    return pci_read32(d, offset) >> (8 * (offset & 2));
}

uint8_t
pci_read8(const struct pci_device *d, unsigned offset)
{
    return pci_read32(d, offset) >> (8 * (offset & 3));
}

void
pci_write16(const struct pci_device *d, unsigned offset, uint16_t v)
{
    outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)d->bus << 16 | (uint32_t)d->slot << 11 | (uint32_t)d->function << 8 | (offset & 0xfc));
    outw(CONFIG_DATA + (offset & 2), v);
}

unsigned
pci_capability(const struct pci_device *d, uint8_t id, unsigned after)
{
    unsigned at;

    if (!(pci_read16(d, REG_STATUS) & STATUS_CAPABILITIES))
        return 0;
    at = pci_read8(d, after ? after + 1 : REG_CAPABILITIES) & 0xfc;
    for (unsigned i = 0; i < PCI_CAP_MAX && at >= 0x40; i++) {
        if (pci_read8(d, at) == id)
            return at;
        at = pci_read8(d, at + 1) & 0xfc;
    }
    return 0;
}

paddr_t
pci_bar(const struct pci_device *d, unsigned bar)
{
    uint32_t low;
    paddr_t base;

    if (bar > 5)
        return 0;
    low = pci_read32(d, REG_BAR0 + 4 * bar);
    if (low & 1)
        return 0;
    base = low & ~0xfull;
    if ((low & 6) == 4 && bar < 5)
        base |= (paddr_t)pci_read32(d, REG_BAR0 + 4 * (bar + 1)) << 32;
    return base;
}

void
pci_enable(struct pci_device *d)
{
    pci_write16(d, REG_COMMAND, pci_read16(d, REG_COMMAND) | COMMAND_MEMORY | COMMAND_MASTER);
}

int
pci_msix_enable(struct pci_device *d)
{
    uint32_t where;
    uint16_t control;
    paddr_t base;

    if (!d->msix || boot_option("nomsix", NULL))
        return -1;
    control = pci_read16(d, d->msix + 2);
    where = pci_read32(d, d->msix + 4);
    base = pci_bar(d, where & 7);
    if (!base)
        return -1;
    d->msix_count = (control & 0x7ff) + 1;
    d->msix_table = device_map(base + (where & ~7u), d->msix_count * MSIX_ENTRY_WORDS * 4);
    for (uint32_t i = 0; i < d->msix_count; i++)
        d->msix_table[i * MSIX_ENTRY_WORDS + 3] = MSIX_ENTRY_MASKED;
    pci_write16(d, d->msix + 2, (control & ~MSIX_MASK_ALL) | MSIX_ENABLE);
    pci_write16(d, REG_COMMAND, pci_read16(d, REG_COMMAND) | COMMAND_NO_INTX);
    return 0;
}

int
pci_msix_set(struct pci_device *d, unsigned entry, irq_handler *handler, void *arg)
{
    volatile uint32_t *e = d->msix_table + entry * MSIX_ENTRY_WORDS;
    uint64_t address = 0;
    uint32_t data = 0;

    if (!d->msix_table || entry >= d->msix_count || irq_alloc(handler, arg, &address, &data) < 0)
        return -1;
    e[0] = address;
    e[1] = address >> 32;
    e[2] = data;
    e[3] = 0;
    return 0;
}

int
pci_intx_set(struct pci_device *d, irq_handler *handler, void *arg)
{
    if (d->irq_line == 0 || d->irq_line == 0xff)
        return -1;
    return irq_pci(d->irq_line, handler, arg);
}

/* One function into the table; a bridge's secondary bus into *bridged (0: none, bus 0 is never secondary). */
static void
function_found(struct pci_device *d, uint8_t *bridged)
{
    d->class_code = pci_read32(d, REG_CLASS) >> 8;
    d->device = pci_read16(d, REG_VENDOR + 2);
    d->irq_line = pci_read8(d, REG_IRQ_LINE);
    d->msix = pci_capability(d, PCI_CAP_MSIX, 0);
    if ((pci_read8(d, REG_HEADER) & 0x7f) == HEADER_BRIDGE && d->class_code >> 8 == CLASS_BRIDGE)
        *bridged = pci_read8(d, REG_SECONDARY);
    if (device_count == PCI_DEVICE_MAX) {
        klog("pci: no place for %02x:%02x.%x\n", d->bus, d->slot, d->function);
        return;
    }
    device[device_count++] = *d;
}

/* All functions of one bus; buses behind bridges are queued. */
static unsigned
bus_scan(uint8_t bus, uint8_t *queue, unsigned count)
{
    for (unsigned slot = 0; slot < 32; slot++) {
        unsigned functions = 1;
        for (unsigned function = 0; function < functions; function++) {
            struct pci_device d = { .bus = bus, .slot = slot, .function = function };
            uint8_t bridged = 0;

            d.vendor = pci_read16(&d, REG_VENDOR);
            if (d.vendor == 0xffff)
                continue;
            if (function == 0 && (pci_read8(&d, REG_HEADER) & HEADER_MULTI))
                functions = 8;
            function_found(&d, &bridged);
            if (bridged && !(bus_seen[bridged / 32] & 1u << bridged % 32)) {
                bus_seen[bridged / 32] |= 1u << bridged % 32;
                queue[count++] = bridged;
            }
        }
    }
    return count;
}

void
pci_scan(void (*probe)(struct pci_device *d))
{
    static uint8_t queue[256];
    unsigned count = 1;

    bus_seen[0] |= 1;
    for (unsigned i = 0; i < count; i++)        /* each bus enters the queue once: at most 256 rounds */
        count = bus_scan(queue[i], queue, count);
    klog("pci: %u functions on %u buses\n", device_count, count);
    for (unsigned i = 0; i < device_count; i++)
        probe(&device[i]);
}
