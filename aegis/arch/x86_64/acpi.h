/*
 * acpi.h: what we want from the firmware's tables. The readers are pure code: they take one table, checked for length and sum.
 */
#ifndef AEGIS_ARCH_ACPI_H
#define AEGIS_ARCH_ACPI_H

#include "arch/x86_64/arch.h"

#define IOAPIC_MAX 4
#define OVERRIDE_MAX 16
#define SLEEP_UNKNOWN 0xff

struct acpi_ioapic {
    uint32_t pa, first_gsi;
};

/* An ISA interrupt that is not where, or not what, one would think. */
struct acpi_override {
    uint8_t irq;
    uint16_t flags;             /* bits 0-1 polarity (3: low), 2-3 trigger (3: level) */
    uint32_t gsi;
};

struct acpi_facts {
    uint32_t cpu_count;         /* enabled ones */
    uint32_t apic_id[CPU_MAX];
    paddr_t lapic_pa;
    uint32_t ioapic_count, override_count;
    struct acpi_ioapic ioapic[IOAPIC_MAX];
    struct acpi_override override[OVERRIDE_MAX];
    paddr_t dsdt, hpet_pa;
    uint16_t pm_timer_port;     /* 0: none */
    bool pm_timer_wide;         /* 32 bits, else 24 */
    uint16_t pm1a_control, pm1b_control;
    uint8_t sleep_type_a, sleep_type_b;     /* of S5; SLEEP_UNKNOWN */
    uint16_t smi_command;
    uint8_t acpi_enable;
    uint8_t reset_space;        /* 0 memory, 1 port */
    uint8_t reset_value;
    uint64_t reset_address;     /* 0: none */
    uint8_t century;            /* CMOS index, 0: none */
};
extern struct acpi_facts acpi;

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
};

bool acpi_checksum(const void *p, size_t bytes);
/* From a root pointer of at least `bytes`: the root table; wide: it is an XSDT. 0: not valid. */
paddr_t acpi_root(const void *rsdp, size_t bytes, bool *wide);
void acpi_read_madt(const struct acpi_header *t, struct acpi_facts *f);
void acpi_read_fadt(const struct acpi_header *t, struct acpi_facts *f);
void acpi_read_hpet(const struct acpi_header *t, struct acpi_facts *f);
/* Looks for the \_S5 package in the byte code, without an interpreter. */
void acpi_read_s5(const struct acpi_header *dsdt, struct acpi_facts *f);

#endif
