/* acpi_test.c: firmware tables, well formed and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/acpi.h"

static uint8_t bytes[512] __attribute__((aligned(16)));

static struct acpi_header *
table(const char *signature, uint32_t length)
{
    struct acpi_header *h = (struct acpi_header *)bytes;

    memset(bytes, 0, sizeof(bytes));
    memcpy(h->signature, signature, 4);
    h->length = length;
    return h;
}

static void
put(size_t at, uint64_t v, size_t n)
{
    memcpy(bytes + at, &v, n);
}

static void
sums_must_be_zero(void **state)
{
    uint8_t good[4] = { 1, 2, 3, 250 }, bad[4] = { 1, 2, 3, 4 };

    (void)state;
    assert_true(acpi_checksum(good, 4));
    assert_false(acpi_checksum(bad, 4));
}

static uint8_t
balance(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    return (uint8_t)-sum;
}

static void
the_root_pointer_gives_the_widest_table(void **state)
{
    uint8_t p[36] = "RSD PTR ";
    bool wide = true;

    (void)state;
    p[16] = 0x10;
    p[8] = balance(p, 20);
    assert_int_equal(acpi_root(p, 20, &wide), 0x10);
    assert_false(wide);
    p[8] = 0;
    p[15] = 2;
    p[25] = 0x20;
    p[8] = balance(p, 20);
    p[32] = balance(p, 36);
    assert_int_equal(acpi_root(p, 36, &wide), 0x2000);
    assert_true(wide);
    p[16] ^= 1;
    assert_int_equal(acpi_root(p, 36, &wide), 0);
    assert_int_equal(acpi_root(p, 19, &wide), 0);
}

static void
the_madt_lists_processors_and_lines(void **state)
{
    struct acpi_facts f = { 0 };
    static const uint8_t entries[] = {
        0, 8, 0, 7, 1, 0, 0, 0,                             /* local APIC 7, enabled */
        0, 8, 1, 8, 0, 0, 0, 0,                             /* disabled */
        1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,          /* IOAPIC at 0xfec00000 */
        2, 10, 0, 0, 2, 0, 0, 0, 0, 0,                      /* irq 0 is line 2 */
        2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0,                   /* irq 9: level, high */
        9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* x2APIC 300 */
    };
    struct acpi_header *h = table("APIC", 44 + sizeof(entries));

    (void)state;
    put(36, 0xfee00000, 4);
    memcpy(bytes + 44, entries, sizeof(entries));
    acpi_read_madt(h, &f);
    assert_int_equal(f.cpu_count, 2);
    assert_int_equal(f.apic_id[0], 7);
    assert_int_equal(f.apic_id[1], 300);
    assert_int_equal(f.lapic_pa, 0xfee00000);
    assert_int_equal(f.ioapic_count, 1);
    assert_int_equal(f.ioapic[0].pa, 0xfec00000);
    assert_int_equal(f.override_count, 2);
    assert_int_equal(f.override[1].gsi, 9);
    assert_int_equal(f.override[1].flags, 0x0d);
}

static void
a_madt_entry_of_no_length_ends_the_walk(void **state)
{
    struct acpi_facts f = { 0 };
    struct acpi_header *h = table("APIC", 100);

    (void)state;
    acpi_read_madt(h, &f);
    assert_int_equal(f.cpu_count, 0);
    bytes[44] = 1;
    bytes[45] = 200;
    acpi_read_madt(h, &f);
    assert_int_equal(f.ioapic_count, 0);
}

static void
more_processors_than_places_are_only_counted(void **state)
{
    struct acpi_facts f = { 0 };
    struct acpi_header *h = table("APIC", 44 + 8 * 40);

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        static const uint8_t entry[8] = { 0, 8, 0, 1, 1, 0, 0, 0 };

        memcpy(bytes + 44 + 8 * i, entry, 8);
    }
    acpi_read_madt(h, &f);
    assert_int_equal(f.cpu_count, 40);
}

static void
the_fadt_gives_ports_and_the_reset_register(void **state)
{
    struct acpi_facts f = { 0 };
    struct acpi_header *h = table("FACP", 244);

    (void)state;
    put(40, 0x7000, 4);
    put(64, 0x604, 4);
    put(76, 0x608, 4);
    put(112, 1u << 10 | 1u << 8, 4);
    put(116, 1, 1);
    put(120, 0xcf9, 8);
    put(128, 0x0f, 1);
    acpi_read_fadt(h, &f);
    assert_int_equal(f.dsdt, 0x7000);
    assert_int_equal(f.pm1a_control, 0x604);
    assert_int_equal(f.pm_timer_port, 0x608);
    assert_true(f.pm_timer_wide);
    assert_int_equal(f.reset_address, 0xcf9);
    assert_int_equal(f.reset_value, 0x0f);
    put(172, 1, 1);
    put(176, 0xb004, 8);
    acpi_read_fadt(h, &f);
    assert_int_equal(f.pm1a_control, 0xb004);
}

static void
a_short_fadt_reads_as_zeroes(void **state)
{
    struct acpi_facts f = { 0 };
    struct acpi_header *h = table("FACP", 60);

    (void)state;
    memset(bytes + 60, 0xff, 200);
    acpi_read_fadt(h, &f);
    assert_int_equal(f.pm_timer_port, 0);
    assert_int_equal(f.reset_address, 0);
}

static void
the_sleep_types_of_s5_are_found(void **state)
{
    static const uint8_t bytes_form[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x0a, 0x04, 0x0a, 0x05, 0x0a, 0x07, 0x00, 0x00 };
    static const uint8_t one_form[] = { 0x08, '\\', '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x01, 0x00, 0x00, 0x00 };
    static const uint8_t no_name[] = { 0x10, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x01, 0x00, 0x00, 0x00 };
    struct acpi_facts f;
    struct acpi_header *h = table("DSDT", 100);

    (void)state;
    memcpy(bytes + 60, bytes_form, sizeof(bytes_form));
    acpi_read_s5(h, &f);
    assert_int_equal(f.sleep_type_a, 5);
    assert_int_equal(f.sleep_type_b, 7);
    h = table("DSDT", 100);
    memcpy(bytes + 60, one_form, sizeof(one_form));
    acpi_read_s5(h, &f);
    assert_int_equal(f.sleep_type_a, 1);
    assert_int_equal(f.sleep_type_b, 0);
    h = table("DSDT", 100);
    memcpy(bytes + 60, no_name, sizeof(no_name));
    acpi_read_s5(h, &f);
    assert_int_equal(f.sleep_type_a, SLEEP_UNKNOWN);
}

static void
tables_of_noise_stay_inside(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 2000; round++) {
        uint32_t n = (uint32_t)sizeof(struct acpi_header) + (uint32_t)rand() % 200;
        struct acpi_header *h = malloc(n);
        struct acpi_facts f = { 0 };

        for (uint32_t i = 0; i < n; i++)
            ((uint8_t *)h)[i] = (uint8_t)rand();
        h->length = n;
        acpi_read_madt(h, &f);
        acpi_read_fadt(h, &f);
        acpi_read_hpet(h, &f);
        acpi_read_s5(h, &f);
        free(h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_must_be_zero),
        cmocka_unit_test(the_root_pointer_gives_the_widest_table),
        cmocka_unit_test(the_madt_lists_processors_and_lines),
        cmocka_unit_test(a_madt_entry_of_no_length_ends_the_walk),
        cmocka_unit_test(more_processors_than_places_are_only_counted),
        cmocka_unit_test(the_fadt_gives_ports_and_the_reset_register),
        cmocka_unit_test(a_short_fadt_reads_as_zeroes),
        cmocka_unit_test(the_sleep_types_of_s5_are_found),
        cmocka_unit_test(tables_of_noise_stay_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
