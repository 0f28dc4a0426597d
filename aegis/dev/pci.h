/* pci.h: PCI functions: what the drivers ask of the bus. See pci.c. */
#ifndef AEGIS_DEV_PCI_H
#define AEGIS_DEV_PCI_H

#include "arch/x86_64/arch.h"

struct pci_device {
    uint8_t bus, slot, function;
    uint8_t irq_line;
    uint16_t vendor, device;
    uint32_t class_code;            /* class << 16 | subclass << 8 | interface */
    uint8_t msix;                   /* configuration offset of the MSI-X capability, 0: none */
    volatile uint32_t *msix_table;
    uint32_t msix_count;
};

#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX 0x11

uint32_t pci_read32(const struct pci_device *d, unsigned offset);
uint16_t pci_read16(const struct pci_device *d, unsigned offset);
uint8_t pci_read8(const struct pci_device *d, unsigned offset);
void pci_write16(const struct pci_device *d, unsigned offset, uint16_t v);
void pci_write32(const struct pci_device *d, unsigned offset, uint32_t v);

/* Finds every function, then calls probe for each. */
void pci_scan(void (*probe)(struct pci_device *d));
/* The next capability of kind `id` after configuration offset `after` (0: the first); 0 when there is none. */
unsigned pci_capability(const struct pci_device *d, uint8_t id, unsigned after);
/* Physical address of a memory BAR; 0 when it is an I/O BAR or was never placed. */
paddr_t pci_bar(const struct pci_device *d, unsigned bar);
void pci_enable(struct pci_device *d);
/* Maps the MSI-X table and switches the function to it, all vectors masked. 0, or -1 without MSI-X (or with the boot option nomsix). */
int pci_msix_enable(struct pci_device *d);
/* Vector `entry` of the table calls handler(arg). -1: no such entry, or no vector left. */
int pci_msix_set(struct pci_device *d, unsigned entry, irq_handler *handler, void *arg);
int pci_intx_set(struct pci_device *d, irq_handler *handler, void *arg);

#endif
