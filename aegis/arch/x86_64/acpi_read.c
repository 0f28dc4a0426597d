/*
 * acpi_read.c: reads single ACPI tables.
 * Source: ACPI Specification 6.4: 5.2.5 (RSDP), 5.2.9 (FADT), 5.2.12 (MADT), 7.4.2 (\_Sx), 20.2 (AML).
 */
#include "arch/x86_64/acpi.h"

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_ADDRESS = 5, MADT_X2APIC = 9 };
enum { AML_ZERO = 0x00, AML_ONE = 0x01, AML_NAME = 0x08, AML_BYTE = 0x0a, AML_PACKAGE = 0x12 };
#define FADT_RESET_SUPPORTED (1u << 10)
#define FADT_TIMER_WIDE (1u << 8)
#define RSDP_BYTES 20
#define RSDP_BYTES_2 36

/* A little-endian number at a place of a table; 0 where the table ends before. */
static uint64_t
at(const struct acpi_header *t, size_t offset, size_t bytes)
{
    uint64_t v = 0;

    if (offset + bytes <= t->length)
        memcpy(&v, (const uint8_t *)t + offset, bytes);
    return v;
}

bool
acpi_checksum(const void *p, size_t bytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < bytes; i++)
        sum += ((const uint8_t *)p)[i];
    return sum == 0;
}

paddr_t
acpi_root(const void *rsdp, size_t bytes, bool *wide)
{
    const uint8_t *p = rsdp;
    uint32_t rsdt;
    uint64_t xsdt;

    if (bytes < RSDP_BYTES || memcmp(p, "RSD PTR ", 8) != 0 || !acpi_checksum(p, RSDP_BYTES))
        return 0;
    memcpy(&rsdt, p + 16, 4);
    if (p[15] >= 2 && bytes >= RSDP_BYTES_2 && acpi_checksum(p, RSDP_BYTES_2)) {
        memcpy(&xsdt, p + 24, 8);
        *wide = xsdt != 0;
        return xsdt != 0 ? xsdt : rsdt;
    }
    *wide = false;
    return rsdt;
}

static void
add_cpu(struct acpi_facts *f, uint32_t apic_id, uint32_t flags)
{
    if (!(flags & 1))
        return;
    if (f->cpu_count < CPU_MAX)
        f->apic_id[f->cpu_count] = apic_id;
    f->cpu_count++;
}

static void
madt_entry(const struct acpi_header *t, size_t o, struct acpi_facts *f)
{
    switch (at(t, o, 1)) {
    case MADT_LAPIC:
        add_cpu(f, (uint32_t)at(t, o + 3, 1), (uint32_t)at(t, o + 4, 4));
        break;
    case MADT_X2APIC:
        add_cpu(f, (uint32_t)at(t, o + 4, 4), (uint32_t)at(t, o + 8, 4));
        break;
    case MADT_IOAPIC:
        if (f->ioapic_count < IOAPIC_MAX)
            f->ioapic[f->ioapic_count++] = (struct acpi_ioapic){ (uint32_t)at(t, o + 4, 4), (uint32_t)at(t, o + 8, 4) };
        break;
    case MADT_OVERRIDE:
        if (f->override_count < OVERRIDE_MAX)
            f->override[f->override_count++] =
                (struct acpi_override){ (uint8_t)at(t, o + 3, 1), (uint16_t)at(t, o + 8, 2), (uint32_t)at(t, o + 4, 4) };
        break;
    case MADT_LAPIC_ADDRESS:
        f->lapic_pa = at(t, o + 4, 8);
        break;
    default:
        break;
    }
}

void
acpi_read_madt(const struct acpi_header *t, struct acpi_facts *f)
{
    f->lapic_pa = at(t, 36, 4);
    for (size_t o = 44; o + 2 <= t->length;) {
        size_t bytes = at(t, o + 1, 1);

        if (bytes < 2 || o + bytes > t->length)
            break;
        madt_entry(t, o, f);
        o += bytes;
    }
}

/* A port from a FADT: the generic address where there is one in port space, else the old field. */
static uint16_t
fadt_port(const struct acpi_header *t, size_t old, size_t generic)
{
    uint64_t address = at(t, generic + 4, 8);

    return (uint16_t)(address != 0 && at(t, generic, 1) == 1 ? address : at(t, old, 4));
}

void
acpi_read_fadt(const struct acpi_header *t, struct acpi_facts *f)
{
    uint32_t flags = (uint32_t)at(t, 112, 4);

    f->dsdt = at(t, 140, 8) != 0 ? at(t, 140, 8) : at(t, 40, 4);
    f->smi_command = (uint16_t)at(t, 48, 4);
    f->acpi_enable = (uint8_t)at(t, 52, 1);
    f->pm1a_control = fadt_port(t, 64, 172);
    f->pm1b_control = fadt_port(t, 68, 184);
    f->pm_timer_port = fadt_port(t, 76, 208);
    f->pm_timer_wide = flags & FADT_TIMER_WIDE;
    f->century = (uint8_t)at(t, 108, 1);
    if (flags & FADT_RESET_SUPPORTED) {
        f->reset_space = (uint8_t)at(t, 116, 1);
        f->reset_address = at(t, 120, 8);
        f->reset_value = (uint8_t)at(t, 128, 1);
    }
}

void
acpi_read_hpet(const struct acpi_header *t, struct acpi_facts *f)
{
    if (at(t, 40, 1) == 0)      /* memory space */
        f->hpet_pa = at(t, 44, 8);
}

/* A small AML integer at *o: Zero, One or a byte constant. */
static bool
aml_small(const struct acpi_header *t, size_t *o, uint8_t *v)
{
    uint8_t op = (uint8_t)at(t, *o, 1);

    if (op == AML_ZERO || op == AML_ONE) {
        *v = op;
        *o += 1;
        return true;
    }
    *v = (uint8_t)at(t, *o + 1, 1);
    *o += 2;
    return op == AML_BYTE;
}

/* NameOp, an optional root prefix, "_S5_", PackageOp, a length of 1 to 4 bytes, the count, then the sleep types. */
void
acpi_read_s5(const struct acpi_header *t, struct acpi_facts *f)
{
    const uint8_t *p = (const uint8_t *)t;

    f->sleep_type_a = f->sleep_type_b = SLEEP_UNKNOWN;
    for (size_t o = sizeof(*t) + 2; o + 8 <= t->length; o++) {
        uint8_t a, b;
        size_t element;

        if (memcmp(p + o, "_S5_", 4) != 0 || p[o + 4] != AML_PACKAGE)
            continue;
        if (p[o - 1] != AML_NAME && !(p[o - 1] == '\\' && p[o - 2] == AML_NAME))
            continue;
        element = o + 5 + 1 + (p[o + 5] >> 6) + 1;
        if (aml_small(t, &element, &a) && aml_small(t, &element, &b)) {
            f->sleep_type_a = a;
            f->sleep_type_b = b;
            return;
        }
    }
}
