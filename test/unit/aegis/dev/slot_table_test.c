/* slot_table_test.c: the slot table as bytes: whatever is on the disk, only a whole and consistent one is believed. */
#include <stdlib.h>
#include <string.h>

#include "test/fake/aegis/dev/kernel.h"
#include "dev/slot_table.h"

#define HOME 200

static struct slot_table table[2];
static const struct slot_extent partition[2] = { { 40, 160 }, { 300, 160 } };

static struct slot_record
record(uint64_t first, uint64_t count, uint32_t parent)
{
    return (struct slot_record){ .guard = { AEG_NAME2(7, 1), 0 }, .first = first, .count = count, .parent = parent, .generation = 1 };
}

static int
make(void **state)
{
    (void)state;
    memset(table, 0, sizeof(table));
    table[0].record[0] = record(40, 100, 0);
    table[0].record[1] = record(50, 10, 1);
    table[0].record[3] = record(300, 160, 0);
    slot_table_seal(&table[0], HOME, 5);
    return 0;
}

static bool
valid(const struct slot_table *t)
{
    return slot_table_valid(t, HOME, partition, 2);
}

static void
a_sealed_table_is_valid_and_no_longer_than_it_must(void **state)
{
    (void)state;
    assert_true(valid(&table[0]));
    assert_int_equal(table[0].count, 4);
    assert_int_equal(slot_table_seal(&table[0], HOME, 6), 512);
    table[0].record[SLOT_RECORDS - 1] = record(200 - 1, 1, 0);
    assert_int_equal(slot_table_seal(&table[0], HOME, 7), SLOT_TABLE_BYTES);
    assert_true(valid(&table[0]));
}

static void
any_changed_byte_is_noticed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < offsetof(struct slot_table, record) + 4 * sizeof(struct slot_record); i++) {
        ((uint8_t *)&table[0])[i] ^= 0x20;
        assert_false(valid(&table[0]));
        ((uint8_t *)&table[0])[i] ^= 0x20;
    }
    ((uint8_t *)&table[0])[offsetof(struct slot_table, record) + 4 * sizeof(struct slot_record)] ^= 1;
    assert_true(valid(&table[0]));      /* behind the last record */
}

/* A good checksum alone does not make a table. */
#define REFUSED(change)                             \
    do {                                            \
        make(state);                                \
        change;                                     \
        slot_table_seal(&table[0], HOME, 6);        \
        assert_false(valid(&table[0]));             \
    } while (0)

static void
inconsistent_records_are_refused(void **state)
{
    REFUSED(table[0].record[0].first = 39);
    REFUSED(table[0].record[0].count = 161);
    REFUSED(table[0].record[0].count = UINT64_MAX);
    REFUSED(table[0].record[0].first = UINT64_MAX);
    REFUSED(table[0].record[1].parent = 3);         /* empty */
    REFUSED(table[0].record[1].parent = 200);
    REFUSED(table[0].record[1].parent = UINT32_MAX);
    REFUSED(table[0].record[1].parent = 4);         /* does not contain it */
    REFUSED(table[0].record[1].parent = 0);         /* overlaps */
    REFUSED(table[0].record[0].parent = 1);         /* itself */
    REFUSED((table[0].record[1] = record(40, 100, 1), table[0].record[0].parent = 2));
    REFUSED(table[0].record[0].flags = SLOT_RECORD_DIRTY);      /* with a child */
    REFUSED(table[0].record[1].flags = 2);
    REFUSED(table[0].record[1].generation = 0);
    REFUSED(table[0].record[1].guard.hi = AEG_NAME2(7, 0x8001));
    REFUSED(table[0].record[1].guard.lo = 0x8000);
    make(state);
    assert_false(slot_table_valid(&table[0], HOME + 1, partition, 2));
    assert_false(slot_table_valid(&table[0], HOME, partition, 1));
}

static void
the_newest_valid_copy_holds(void **state)
{
    const struct slot_table *both[2] = { &table[0], &table[1] };

    (void)state;
    assert_int_equal(slot_table_choose(both, HOME, partition, 2), 0);
    table[1] = table[0];
    slot_table_seal(&table[1], HOME, 6);
    assert_int_equal(slot_table_choose(both, HOME, partition, 2), 1);
    slot_table_seal(&table[0], HOME, 7);
    assert_int_equal(slot_table_choose(both, HOME, partition, 2), 0);
    table[0].crc++;
    assert_int_equal(slot_table_choose(both, HOME, partition, 2), 1);
    table[1].sequence++;
    assert_int_equal(slot_table_choose(both, HOME, partition, 2), -1);
    assert_false(slot_table_virgin(&table[0]));
    memset(&table[0], 0, sizeof(table[0]));
    assert_true(slot_table_virgin(&table[0]));
}

static void
below_is_the_same_or_longer(void **state)
{
    struct aeg_name a = { AEG_NAME3(7, 1, 2), 0 }, b = { AEG_NAME2(7, 1), 0 }, none = { 0, 0 };
    struct aeg_name long_a = { AEG_NAME3(7, 1, 2) | 9, 0x0001000200030004 }, long_b = { AEG_NAME3(7, 1, 2) | 9, 0x0001000200030000 };

    (void)state;
    assert_true(slot_guard_below(a, a));
    assert_true(slot_guard_below(a, b));
    assert_false(slot_guard_below(b, a));
    assert_true(slot_guard_below(long_a, long_b));
    assert_false(slot_guard_below(long_b, long_a));
    assert_true(slot_guard_below(long_a, b));
    assert_false(slot_guard_below(a, none));        /* what only root had is for root alone */
    assert_true(slot_guard_below(none, none));
    assert_false(slot_guard_below(none, a));
}

static void
noise_is_refused_and_hurts_nobody(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        make(state);
        for (unsigned i = 0; i < 3; i++)
            ((uint8_t *)&table[0])[64 + rand() % (4 * 64)] = rand();
        slot_table_seal(&table[0], HOME, 6);
        if (round % 4 == 0)
            table[0].count = rand();
        if (valid(&table[0]))
            for (unsigned i = 0; i < table[0].count; i++)
                assert_true(table[0].record[i].count <= 160);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sealed_table_is_valid_and_no_longer_than_it_must, make),
        cmocka_unit_test_setup(any_changed_byte_is_noticed, make),
        cmocka_unit_test_setup(inconsistent_records_are_refused, make),
        cmocka_unit_test_setup(the_newest_valid_copy_holds, make),
        cmocka_unit_test_setup(below_is_the_same_or_longer, make),
        cmocka_unit_test_setup(noise_is_refused_and_hurts_nobody, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
