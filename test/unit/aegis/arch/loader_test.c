/* loader_test.c: what loaders leave in memory, well formed and not: Multiboot2, PVH, cpio archives, memory ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/loader.h"

/* ---- ranges ---- */

static void
ranges_that_touch_or_overlap_become_one(void **state)
{
    struct regions s = { 0 };

    (void)state;
    regions_add(&s, 0x3000, 0x1000);
    regions_add(&s, 0x1000, 0x1000);
    regions_add(&s, 0x2000, 0x1000);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.r[0].base, 0x1000);
    assert_int_equal(s.r[0].bytes, 0x3000);
    regions_add(&s, 0x2800, 0x4000);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.r[0].bytes, 0x5800);
}

static void
removing_splits_a_range(void **state)
{
    struct regions s = { 0 };

    (void)state;
    regions_add(&s, 0, 0x10000);
    regions_remove(&s, 0x4000, 0x1000);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.r[0].bytes, 0x4000);
    assert_int_equal(s.r[1].base, 0x5000);
    assert_int_equal(s.r[1].bytes, 0xb000);
    regions_remove(&s, 0, UINT64_MAX);
    assert_int_equal(s.count, 0);
}

static void
a_range_that_wraps_around_is_ignored(void **state)
{
    struct regions s = { 0 };

    (void)state;
    regions_add(&s, UINT64_MAX - 10, 100);
    assert_int_equal(s.count, 0);
}

static void
a_full_set_counts_what_it_loses(void **state)
{
    struct regions s = { 0 };

    (void)state;
    for (uint64_t i = 0; i < BOOT_REGION_MAX + 2; i++)
        regions_add(&s, i * 0x10000, 0x1000);
    assert_int_equal(s.count, BOOT_REGION_MAX);
    assert_int_equal(s.lost, 0x2000);
}

static void
aligning_keeps_whole_frames_only(void **state)
{
    struct regions s = { 0 };

    (void)state;
    regions_add(&s, 0x1001, 0x2fff);
    regions_add(&s, 0x8100, 0x800);
    regions_align(&s);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.r[0].base, 0x2000);
    assert_int_equal(s.r[0].bytes, 0x2000);
}

static void
carving_takes_from_the_highest_end_below_the_limit(void **state)
{
    struct regions s = { 0 };

    (void)state;
    regions_add(&s, 0x1000, 0x4000);
    regions_add(&s, 0x10000, 0x2000);
    regions_add(&s, 0x100000, 0x8000);
    assert_int_equal(regions_carve(&s, 0x2000, 0x20000), 0x10000);
    assert_int_equal(s.count, 2);
    assert_int_equal(regions_carve(&s, 0x1000, 0x20000), 0x4000);
    assert_int_equal(regions_carve(&s, 0x9000, UINT64_MAX), 0);
}

/* Any sequence of changes leaves a sorted, disjoint set that agrees with a bitmap of pages. */
static void
random_changes_agree_with_a_bitmap(void **state)
{
    struct regions s = { 0 };
    bool page[64] = { false };

    (void)state;
    srand(7);
    for (int round = 0; round < 5000; round++) {
        unsigned at = (unsigned)rand() % 64, n = (unsigned)rand() % (65 - at);
        bool add = rand() & 1;
        unsigned covered = 0, wanted = 0;

        (add ? regions_add : regions_remove)(&s, at, n);
        for (unsigned i = at; i < at + n; i++)
            page[i] = add;
        for (uint32_t i = 0; i < s.count; i++) {
            assert_true(s.r[i].bytes > 0);
            assert_true(i == 0 || s.r[i - 1].base + s.r[i - 1].bytes < s.r[i].base);
            for (uint64_t b = s.r[i].base; b < s.r[i].base + s.r[i].bytes; b++)
                assert_true(page[b]);
            covered += (unsigned)s.r[i].bytes;
        }
        for (unsigned i = 0; i < 64; i++)
            wanted += page[i];
        assert_int_equal(covered, wanted);
    }
}

/* ---- Multiboot2 ---- */

struct writer {
    _Alignas(8) uint8_t bytes[4096];
    uint32_t at;
};

static void
tag(struct writer *w, uint32_t type, const void *data, uint32_t size)
{
    uint32_t total = size + 8;

    memcpy(w->bytes + w->at, &type, 4);
    memcpy(w->bytes + w->at + 4, &total, 4);
    if (size > 0)
        memcpy(w->bytes + w->at + 8, data, size);
    w->at += (total + 7) & ~7u;
    memcpy(w->bytes, &w->at, 4);
}

static struct writer *
sample(void)
{
    static struct writer w;
    struct { uint32_t start, end; char name[24]; } module = { 0x200000, 0x201234, "/boot/init init --flag" };
    struct { uint32_t size, version; struct { uint64_t base, bytes; uint32_t type, zero; } e[3]; } map = {
        24, 0, { { 0, 0x9f000, 1, 0 }, { 0x9f000, 0x61000, 2, 0 }, { 0x100000, 0x700000, 1, 0 } } };
    struct { uint64_t address; uint32_t pitch, width, height; uint8_t bpp, type; } screen = { 0xb8000, 160, 80, 25, 16, 2 };

    memset(&w, 0, sizeof(w));
    w.at = 8;
    tag(&w, 1, "root=ram0 verbose", 18);
    tag(&w, 3, &module, sizeof(module));
    tag(&w, 6, &map, sizeof(map));
    tag(&w, 8, &screen, 22);
    tag(&w, 14, "RSD PTR 012345678901", 20);
    tag(&w, 0, NULL, 0);
    return &w;
}

static void
multiboot2_tags_are_read(void **state)
{
    struct writer *w = sample();
    struct loader_info out = { 0 };

    (void)state;
    assert_true(multiboot2_read(w->bytes, sizeof(w->bytes), &out));
    assert_string_equal(out.cmdline, "root=ram0 verbose");
    assert_int_equal(out.module_count, 1);
    assert_string_equal(out.module[0].name, "init");
    assert_int_equal(out.module[0].base, 0x200000);
    assert_int_equal(out.module[0].bytes, 0x1234);
    assert_int_equal(out.ram.count, 2);
    assert_int_equal(out.ram.r[1].bytes, 0x700000);
    assert_false(out.graphics);
    assert_int_equal(out.rsdp_copy_bytes, 20);
}

static void
multiboot2_without_an_end_is_refused(void **state)
{
    struct writer *w = sample();
    struct loader_info out = { 0 };

    (void)state;
    for (uint32_t n = 0; n < w->at - 8; n++)
        assert_false(multiboot2_read(w->bytes, n, &out));
}

static void
multiboot2_with_any_byte_changed_stays_inside(void **state)
{
    struct writer *w = sample();
    uint8_t *exact = malloc(w->at);

    (void)state;
    for (uint32_t i = 0; i < w->at; i++) {
        struct loader_info out = { 0 };

        memcpy(exact, w->bytes, w->at);
        exact[i] ^= 0xff;
        (void)multiboot2_read(exact, w->at, &out);
        memcpy(exact, w->bytes, w->at);
        exact[i] = 0;
        (void)multiboot2_read(exact, w->at, &out);
    }
    free(exact);
}

static void
texts_are_cut_not_overrun(void **state)
{
    char dst[8] = "abc";

    (void)state;
    text_append(dst, sizeof(dst), "defghijkl", 9);
    assert_string_equal(dst, "abc def");
    text_append(dst, sizeof(dst), "x", 1);
    assert_string_equal(dst, "abc def");
    module_name(dst, sizeof(dst), "/a/long/directory/averylongname rest", 99);
    assert_string_equal(dst, "averylo");
}

/* ---- PVH ---- */

static uint8_t machine[4096] __attribute__((aligned(16)));

static const void *
machine_at(paddr_t pa)
{
    assert_true(pa < sizeof(machine));
    return machine + pa;
}

static void
pvh_start_info_is_read(void **state)
{
    struct { uint32_t magic, version, flags, modules; uint64_t modlist, cmdline, rsdp, map; uint32_t map_count, zero; } start = {
        PVH_MAGIC, 1, 0, 1, 0x100, 0x200, 0xe0000, 0x300, 2, 0 };
    struct { uint64_t base, bytes, cmdline, zero; } module = { 0x400000, 0x5678, 0, 0 };
    struct { uint64_t base, bytes; uint32_t type, zero; } map[2] = { { 0, 0x9fc00, 1, 0 }, { 0xf0000, 0x10000, 2, 0 } };
    struct loader_info out = { 0 };

    (void)state;
    memcpy(machine, &start, sizeof(start));
    memcpy(machine + 0x100, &module, sizeof(module));
    memcpy(machine + 0x200, "exec=ls", 8);
    memcpy(machine + 0x300, map, sizeof(map));
    assert_true(pvh_read(machine, machine_at, &out));
    assert_string_equal(out.cmdline, "exec=ls");
    assert_int_equal(out.rsdp, 0xe0000);
    assert_int_equal(out.ram.count, 1);
    assert_int_equal(out.module_count, 1);
    assert_int_equal(out.module[0].bytes, 0x5678);
    machine[0] ^= 1;
    assert_false(pvh_read(machine, machine_at, &out));
}

/* ---- cpio ---- */

static size_t
cpio_member(uint8_t *to, size_t at, const char *name, size_t name_size, const char *data)
{
    char head[111];

    snprintf(head, sizeof(head), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 0, 0100644, 0, 0, 1, 0,
             (unsigned)strlen(data), 0, 0, 0, 0, (unsigned)name_size, 0);
    memcpy(to + at, head, 110);
    memset(to + at + 110, 0, name_size);
    memcpy(to + at + 110, name, strlen(name));
    at = (at + 110 + name_size + 3) & ~3ull;
    memcpy(to + at, data, strlen(data));
    return (at + strlen(data) + 3) & ~3ull;
}

static size_t
archive(uint8_t *to)
{
    size_t at = cpio_member(to, 0, "exos.img", 9, "hello");

    at = cpio_member(to, at, "init", 64, "a longer text");
    return cpio_member(to, at, "TRAILER!!!", 11, "");
}

static void
cpio_members_are_found_also_with_padded_names(void **state)
{
    uint8_t bytes[1024] = { 0 };
    size_t total = archive(bytes), at = 0;
    struct cpio_member m;

    (void)state;
    assert_true(cpio_is_archive(bytes, total));
    assert_true(cpio_next(bytes, total, &at, &m));
    assert_string_equal(m.name, "exos.img");
    assert_int_equal(m.bytes, 5);
    assert_memory_equal(bytes + m.offset, "hello", 5);
    assert_true(cpio_next(bytes, total, &at, &m));
    assert_string_equal(m.name, "init");
    assert_memory_equal(bytes + m.offset, "a longer text", m.bytes);
    assert_false(cpio_next(bytes, total, &at, &m));
}

static void
cpio_cut_or_changed_anywhere_stays_inside(void **state)
{
    uint8_t bytes[1024] = { 0 };
    size_t total = archive(bytes);

    (void)state;
    for (size_t n = 0; n < total; n++) {
        uint8_t *exact = malloc(n + 1);
        struct cpio_member m;
        size_t at = 0;

        memcpy(exact, bytes, n);
        while (cpio_next(exact, n, &at, &m))
            assert_true(m.offset + m.bytes <= n);
        for (size_t i = 0; i < n; i++) {
            exact[i] = 'f';
            at = 0;
            while (cpio_next(exact, n, &at, &m))
                assert_true(m.offset + m.bytes <= n);
            exact[i] = bytes[i];
        }
        free(exact);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_that_touch_or_overlap_become_one),
        cmocka_unit_test(removing_splits_a_range),
        cmocka_unit_test(a_range_that_wraps_around_is_ignored),
        cmocka_unit_test(a_full_set_counts_what_it_loses),
        cmocka_unit_test(aligning_keeps_whole_frames_only),
        cmocka_unit_test(carving_takes_from_the_highest_end_below_the_limit),
        cmocka_unit_test(random_changes_agree_with_a_bitmap),
        cmocka_unit_test(multiboot2_tags_are_read),
        cmocka_unit_test(multiboot2_without_an_end_is_refused),
        cmocka_unit_test(multiboot2_with_any_byte_changed_stays_inside),
        cmocka_unit_test(texts_are_cut_not_overrun),
        cmocka_unit_test(pvh_start_info_is_read),
        cmocka_unit_test(cpio_members_are_found_also_with_padded_names),
        cmocka_unit_test(cpio_cut_or_changed_anywhere_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
