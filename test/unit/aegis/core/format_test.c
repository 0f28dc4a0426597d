/* format_test.c: formatted text as printf would make it, and the string functions against the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/kernel.h"

/* The kernel's string functions, under names that leave the C library's alone. */
#define memcpy k_memcpy
#define memmove k_memmove
#define memset k_memset
#define memcmp k_memcmp
#define strlen k_strlen
#define strcmp k_strcmp
#define strncmp k_strncmp
#include "core/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp

#define SAME(...) do {                                                      \
        char want[128], got[128];                                           \
        int n = snprintf(want, sizeof(want), __VA_ARGS__);                  \
        assert_int_equal(kformat(got, sizeof(got), __VA_ARGS__), n);        \
        assert_string_equal(got, want);                                     \
    } while (0)

static void
numbers_come_out_as_printf_has_them(void **state)
{
    (void)state;
    SAME("%d %d %d", 0, -1, 2147483647);
    SAME("%d", -2147483647 - 1);
    SAME("%ld %lld", INT64_MIN, (long long)INT64_MAX);
    SAME("%u %lu %zu", 4294967295u, UINT64_MAX, (size_t)5);
    SAME("%x %X %lx", 0xdeadu, 0xBEEFu, 0xffff800000000000ul);
    SAME("%5d|%-5d|%05d|", 42, 42, 42);
    SAME("%5d|%05d|%3d", -42, -42, -12345);
    SAME("%016lx|%08x|%2x", 0x1234ul, 0u, 0x12345u);
    SAME("%*d|%-*d", 6, 1, 6, 2);
    SAME("%p", (void *)0x1234);
}

static void
texts_come_out_as_printf_has_them(void **state)
{
    (void)state;
    SAME("%s|%10s|%-10s|", "abc", "abc", "abc");
    SAME("%.2s|%5.1s|%.*s", "abc", "xyz", 4, "abcdefgh");
    SAME("%c%c%%", 'o', 'k');
    SAME("no conversion");
    SAME("%s", "");
}

static void
what_does_not_fit_is_cut_and_counted(void **state)
{
    char buf[5] = "zzzz";

    (void)state;
    assert_int_equal(kformat(buf, 5, "%s", "abcdefg"), 7);
    assert_string_equal(buf, "abcd");
    assert_int_equal(kformat(buf, 0, "xyz"), 3);
    assert_string_equal(buf, "abcd");
    assert_int_equal(kformat(NULL, 0, "%d", 100), 3);
}

static void
a_null_text_is_named(void **state)
{
    char buf[16];
    const char *volatile none = NULL;

    (void)state;
    (void)kformat(buf, sizeof(buf), "%s", none);
    assert_string_equal(buf, "(null)");
}

static void
moves_agree_with_the_c_library(void **state)
{
    uint8_t a[80], b[80];

    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t from = (size_t)rand() % 40, to = (size_t)rand() % 40, n = (size_t)rand() % 40;

        for (size_t i = 0; i < sizeof(a); i++)
            a[i] = b[i] = (uint8_t)rand();
        assert_ptr_equal(k_memmove(a + to, a + from, n), a + to);
        memmove(b + to, b + from, n);
        assert_memory_equal(a, b, sizeof(a));
        k_memset(a + to, round, n);
        memset(b + to, round, n);
        assert_memory_equal(a, b, sizeof(a));
        k_memcpy(a, a + 40, n);
        memcpy(b, b + 40, n);
        assert_memory_equal(a, b, sizeof(a));
    }
}

static int
sign(int v)
{
    return (v > 0) - (v < 0);
}

static void
comparisons_agree_with_the_c_library(void **state)
{
    (void)state;
    srand(2);
    for (int round = 0; round < 20000; round++) {
        char a[8] = { 0 }, b[8] = { 0 };
        size_t n = (size_t)rand() % 8;

        for (size_t i = 0; i < 7; i++) {
            a[i] = (char)(rand() % 3 * 127);
            b[i] = (char)(rand() % 3 * 127);
        }
        assert_int_equal(k_strlen(a), strlen(a));
        assert_int_equal(sign(k_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(k_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        assert_int_equal(sign(k_memcmp(a, b, n)), sign(memcmp(a, b, n)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_out_as_printf_has_them),
        cmocka_unit_test(texts_come_out_as_printf_has_them),
        cmocka_unit_test(what_does_not_fit_is_cut_and_counted),
        cmocka_unit_test(a_null_text_is_named),
        cmocka_unit_test(moves_agree_with_the_c_library),
        cmocka_unit_test(comparisons_agree_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
