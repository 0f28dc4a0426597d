/* stride_policy_test.c: shares are held, whatever each turn used. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stride.h"

#define QUANTUM 1000000ull

static void
whoever_is_least_far_on_runs_next(void **state)
{
    struct share s[3] = { { .tickets = 3, .pass = 5 }, { .tickets = 2, .pass = 4 }, { .tickets = 1, .pass = 4 } };

    (void)state;
    assert_int_equal(share_pick(s, 1), 0);
    assert_int_equal(share_pick(s, 3), 1);
    s[2].pass = 3;
    assert_int_equal(share_pick(s, 3), 2);
}

/* At no time is anybody further from its share than the longest turn. */
static void
turns_of_any_length_hold_the_shares(void **state)
{
    struct share s[4] = { { .tickets = 7 }, { .tickets = 3 }, { .tickets = 2 }, { .tickets = 1 } };
    uint64_t used = 0, seed = 1;

    (void)state;
    for (unsigned turn = 0; turn < 10000; turn++) {
        unsigned i = share_pick(s, 4);
        uint64_t ticks = seed % QUANTUM + 1;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        share_charge(&s[i], ticks);
        used += ticks;
        for (unsigned k = 0; k < 4; k++) {
            int64_t off = (int64_t)s[k].used - (int64_t)(used / 13 * s[k].tickets);
            assert_in_range(off + (int64_t)(2 * QUANTUM), 0, 4 * QUANTUM);
        }
    }
    for (unsigned k = 0; k < 4; k++)
        assert_true(share_error(s, 4, k) < 50);
}

static void
the_error_is_of_the_share_itself(void **state)
{
    struct share s[2] = { { .tickets = 3, .used = 765 }, { .tickets = 1, .used = 235 } };

    (void)state;
    assert_int_equal(share_error(s, 2, 0), 200);
    assert_int_equal(share_error(s, 2, 1), 600);
    s[0].used = s[1].used = 0;
    assert_int_equal(share_error(s, 2, 0), UINT32_MAX);
}

/* A pass does not come round in any time that a machine is up. */
static void
years_of_use_do_not_overflow(void **state)
{
    struct share s = { .tickets = 1 };

    (void)state;
    share_charge(&s, 1ull << 55);
    assert_true(s.pass == 1ull << 63);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_is_least_far_on_runs_next),
        cmocka_unit_test(turns_of_any_length_hold_the_shares),
        cmocka_unit_test(the_error_is_of_the_share_itself),
        cmocka_unit_test(years_of_use_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
