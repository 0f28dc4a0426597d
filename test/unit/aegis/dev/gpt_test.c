/* gpt_test.c: the partition reader on good, damaged and hostile tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dev/gpt.h"
#include "test/fake/aegis/dev/gpt_image.h"

static struct gpt_image image;
static struct gpt_partition part[128];

static int
make(void **state)
{
    (void)state;
    image_make(&image);
    return 0;
}

static int
read_table(void)
{
    struct gpt_reader r = { image_read, &image, IMAGE_BLOCKS };

    return gpt_read(&r, part, 128);
}

static void
check_both(void)
{
    assert_int_equal(read_table(), 2);
    assert_int_equal(part[0].number, 1);
    assert_int_equal(part[0].first, 40);
    assert_int_equal(part[0].count, 60);
    assert_int_equal(part[0].type[0], 0xa1);
    assert_int_equal(part[1].number, 3);
    assert_int_equal(part[1].first, 100);
    assert_int_equal(part[1].count, 100);
}

static void
a_good_table_is_read(void **state)
{
    (void)state;
    check_both();
}

static void
a_damaged_primary_falls_back_to_the_backup(void **state)
{
    (void)state;
    image.byte[512] ^= 1;                   /* signature */
    check_both();
    image_make(&image);
    image.byte[512 + 40] ^= 1;              /* a field: the checksum fails */
    check_both();
    image_make(&image);
    image.byte[2 * 512 + 32] ^= 1;          /* an entry */
    check_both();
    image_make(&image);
    memset(image.byte, 0, 34 * 512);
    check_both();
}

static void
no_valid_header_is_no_table(void **state)
{
    struct gpt_reader tiny = { image_read, &image, 2 };

    (void)state;
    image.byte[512] ^= 1;
    image.byte[(IMAGE_BLOCKS - 1) * 512] ^= 1;
    assert_int_equal(read_table(), -1);
    memset(&image.byte, 0, sizeof(image.byte));
    assert_int_equal(read_table(), -1);
    memset(&image.byte, 0xff, sizeof(image.byte));
    assert_int_equal(read_table(), -1);
    assert_int_equal(gpt_read(&tiny, part, 128), -1);
}

static void
an_empty_table_has_no_partitions(void **state)
{
    (void)state;
    image_seal(&image, 0);
    assert_int_equal(read_table(), 0);
}

static void
entries_that_overlap_or_leave_the_disk_are_left_out(void **state)
{
    (void)state;
    image_partition(&image, 2, 99, 120);        /* into both */
    image_partition(&image, 4, 200, 250);       /* past the last usable block */
    image_partition(&image, 5, 10, 20);         /* before the first */
    image_partition(&image, 6, 210, 205);       /* backwards */
    image_partition(&image, 7, 0, UINT64_MAX);
    image_partition(&image, 8, 200, 214);       /* fits exactly */
    image_seal(&image, IMAGE_ENTRIES);
    assert_int_equal(read_table(), 3);
    assert_int_equal(part[0].number, 1);
    /* the second overlaps the first, and so does not keep the third out */
    assert_int_equal(part[1].number, 3);
    assert_int_equal(part[2].number, 8);
    assert_int_equal(part[2].count, 15);
}

static void
larger_entries_are_read_by_their_size(void **state)
{
    (void)state;
    memset(&image, 0, sizeof(image));
    image.entry_bytes = 256;
    image_partition(&image, 1, 40, 99);
    image_partition(&image, 2, 100, 101);
    image_seal(&image, 8);
    assert_int_equal(read_table(), 2);
    assert_int_equal(part[1].count, 2);
}

/* Headers whose checksum is right and whose fields are not. */
static void
hostile_fields_are_refused(void **state)
{
    static const struct {
        unsigned at, bytes;
        uint64_t value;
    } bad[] = {
        { 12, 4, 91 }, { 12, 4, 513 }, { 12, 4, UINT32_MAX }, { 24, 8, 2 }, { 40, 8, 250 }, { 48, 8, IMAGE_BLOCKS },
        { 48, 8, UINT64_MAX }, { 72, 8, IMAGE_BLOCKS }, { 72, 8, UINT64_MAX }, { 80, 4, 1025 }, { 80, 4, UINT32_MAX },
        { 84, 4, 0 }, { 84, 4, 64 }, { 84, 4, 200 }, { 84, 4, 1024 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t *h = image.byte + 512;

        image_make(&image);
        memset(image.byte + (IMAGE_BLOCKS - 1) * 512, 0, 512);
        put(h + bad[i].at, bad[i].value, bad[i].bytes);
        put(h + 16, 0, 4);
        put(h + 16, image_crc(h, 92), 4);
        assert_int_equal(read_table(), -1);
    }
}

static void
any_flipped_bit_changes_nothing(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 92 * 8; bit++) {
        image_make(&image);
        image.byte[512 + bit / 8] ^= 1 << bit % 8;
        check_both();
    }
}

static void
more_partitions_than_places_are_cut_off(void **state)
{
    struct gpt_reader r = { image_read, &image, IMAGE_BLOCKS };

    (void)state;
    assert_int_equal(gpt_read(&r, part, 1), 1);
    assert_int_equal(part[0].number, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_table_is_read, make),
        cmocka_unit_test_setup(a_damaged_primary_falls_back_to_the_backup, make),
        cmocka_unit_test_setup(no_valid_header_is_no_table, make),
        cmocka_unit_test_setup(an_empty_table_has_no_partitions, make),
        cmocka_unit_test_setup(entries_that_overlap_or_leave_the_disk_are_left_out, make),
        cmocka_unit_test_setup(larger_entries_are_read_by_their_size, make),
        cmocka_unit_test_setup(hostile_fields_are_refused, make),
        cmocka_unit_test_setup(any_flipped_bit_changes_nothing, make),
        cmocka_unit_test_setup(more_partitions_than_places_are_cut_off, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
