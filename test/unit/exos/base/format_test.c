/*
 * format_test.c: the formatter against the host's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base.h"

#define SAME(...) \
    do { \
        char ours[128], theirs[128]; \
        int n = fmt_print(ours, sizeof(ours), __VA_ARGS__), m = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        assert_string_equal(ours, theirs); \
        assert_int_equal(n, m); \
    } while (0)

static void
numbers_and_text_look_as_with_printf(void **state)
{
    (void)state;
    SAME("%d %i %u", -5, 0, 4000000000u);
    SAME("%x %X %o", 0xbeefu, 0xbeefu, 8u);
    SAME("%ld %lu %lx %llu %zu", INT64_MIN, UINT64_MAX, UINT64_MAX, 7ull, (size_t)9);
    SAME("[%5d] [%-5d] [%05d] [%05d]", 42, 42, 42, -42);
    SAME("[%8s] [%-8s] [%.3s] [%8.3s]", "abc", "abc", "abcdef", "abcdef");
    SAME("[%*d] [%.*s]", 6, 7, 2, "xyz");
    SAME("%c%c%%", 'a', 'b');
    SAME("%016lx", 0x1234ul);
}

static void
what_does_not_fit_is_cut_and_counted(void **state)
{
    char buf[8] = "zzzzzzz";

    (void)state;
    assert_int_equal(fmt_print(buf, sizeof(buf), "%s", "0123456789"), 10);
    assert_string_equal(buf, "0123456");
    assert_int_equal(fmt_print(NULL, 0, "%d", 12345), 5);
    assert_int_equal(fmt_print(buf, 1, "abc"), 3);
    assert_string_equal(buf, "");
}

static void
random_numbers_agree(void **state)
{
    (void)state;
    srand(3);
    for (int i = 0; i < 20000; i++) {
        uint64_t v = ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11) >> (rand() % 64);
        int width = rand() % 25;

        SAME("%*ld|%-*lu|%0*lx", width, (long)v, width, v, width, v);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_text_look_as_with_printf),
        cmocka_unit_test(what_does_not_fit_is_cut_and_counted),
        cmocka_unit_test(random_numbers_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
