/*
 * acpi.c: finds the firmware's tables and keeps what they say.
 *
 * Not here: AML. What needs an interpreter (hot plug, batteries) is not for this kernel.
 */
#include "arch/x86_64/acpi.h"

#include "arch/x86_64/machine.h"

#define TABLES_MAX 128
#define TABLE_BYTES_MAX (1u << 20)
#define BIOS_AREA 0xe0000u
#define BIOS_AREA_END 0x100000u
#define EBDA_SEGMENT 0x40eu
#define EBDA_BYTES 1024u

struct acpi_facts acpi;

static paddr_t
root_in(paddr_t from, paddr_t to, bool *wide)
{
    const uint8_t *p = firmware_map(from, to - from);
    paddr_t root = 0;

    for (paddr_t at = 0; root == 0 && at + 36 <= to - from; at += 16)
        root = acpi_root(p + at, to - from - at, wide);
    return root;
}

/* Where the loader said, in the copy that it made, or where a BIOS puts it. */
static paddr_t
find_root(bool *wide)
{
    paddr_t root = 0, ebda;

    if (boot_info.rsdp != 0)
        root = acpi_root(firmware_map(boot_info.rsdp, 36), 36, wide);
    if (root == 0 && boot_info.rsdp_copy_bytes != 0)
        root = acpi_root(boot_info.rsdp_copy, boot_info.rsdp_copy_bytes, wide);
    if (root == 0)
        root = root_in(BIOS_AREA, BIOS_AREA_END, wide);
    ebda = (paddr_t)*(const uint16_t *)firmware_map(EBDA_SEGMENT, 2) << 4;
    if (root == 0 && ebda != 0)
        root = root_in(ebda, ebda + EBDA_BYTES, wide);
    return root;
}

/* The whole table, or NULL when its length or sum is wrong. */
static const struct acpi_header *
table_map(paddr_t pa)
{
    const struct acpi_header *t = firmware_map(pa, sizeof(*t));
    uint32_t bytes = t->length;

    if (bytes < sizeof(*t) || bytes > TABLE_BYTES_MAX)
        return NULL;
    t = firmware_map(pa, bytes);
    if (!acpi_checksum(t, bytes)) {
        klog("acpi: table %.4s at %lx has a wrong checksum, ignored", t->signature, pa);
        return NULL;
    }
    return t;
}

static void
read_table(const struct acpi_header *t)
{
    if (memcmp(t->signature, "APIC", 4) == 0)
        acpi_read_madt(t, &acpi);
    else if (memcmp(t->signature, "FACP", 4) == 0)
        acpi_read_fadt(t, &acpi);
    else if (memcmp(t->signature, "HPET", 4) == 0)
        acpi_read_hpet(t, &acpi);
}

static void
read_tables(const struct acpi_header *root, bool wide)
{
    unsigned size = wide ? 8 : 4;
    uint32_t count = MIN((root->length - (uint32_t)sizeof(*root)) / size, TABLES_MAX);

    for (uint32_t i = 0; i < count; i++) {
        const struct acpi_header *t;
        paddr_t pa = 0;

        memcpy(&pa, (const uint8_t *)(root + 1) + i * size, size);
        t = pa != 0 ? table_map(pa) : NULL;
        if (t != NULL)
            read_table(t);
    }
}

void
acpi_init(void)
{
    bool wide = false;
    paddr_t root_pa = find_root(&wide);
    const struct acpi_header *t = root_pa != 0 ? table_map(root_pa) : NULL;

    acpi.sleep_type_a = SLEEP_UNKNOWN;
    if (t == NULL) {
        klog("acpi: no tables");
        return;
    }
    read_tables(t, wide);
    t = acpi.dsdt != 0 ? table_map(acpi.dsdt) : NULL;
    if (t != NULL)
        acpi_read_s5(t, &acpi);
    klog("acpi: %u CPUs, %u IOAPICs, hpet %lx, pm timer %x, S5 %x", acpi.cpu_count, acpi.ioapic_count, acpi.hpet_pa, acpi.pm_timer_port,
         acpi.sleep_type_a);
}
