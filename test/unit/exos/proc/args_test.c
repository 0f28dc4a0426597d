/*
 * args_test.c: argument strings across pages, their limits, and that nothing of them is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/uio.h"
#include "proc/args.h"

static int pages;
static bool no_more_pages;

void *
page_alloc(void)
{
    pages += !no_more_pages;
    return no_more_pages ? NULL : aligned_alloc(PAGE_SIZE, PAGE_SIZE);
}

void
page_free(void *page)
{
    pages--;
    free(page);
}

/* Program memory is the host's; address 8 is bad. */
int
user_copy_in(void *dst, uva_t src, size_t n)
{
    if (src == 8)
        return -EFAULT;
    memcpy(dst, (const void *)src, n);
    return 0;
}

ssize
user_string_in(char *dst, uva_t src, size_t size)
{
    size_t n = 0;

    if (src == 8)
        return -EFAULT;
    for (; n < size; n++)
        if ((dst[n] = ((const char *)src)[n]) == '\0')
            return (ssize)n;
    return -ENAMETOOLONG;
}

static char *
letters(size_t n, char c)
{
    char *s = malloc(n + 1);

    memset(s, c, n);
    s[n] = '\0';
    return s;
}

static void
strings_lie_one_after_the_other_across_pages(void **state)
{
    char *a = letters(5000, 'a'), *b = letters(4095, 'b'), *vector[] = { a, b, (char *)"", NULL };
    struct arg_pages p = { .bytes = 0 };
    size_t second, third;

    (void)state;
    assert_int_equal(args_add_vector(&p, (uva_t)vector, &p.argc), 0);
    assert_int_equal(p.argc, 3);
    assert_int_equal(p.bytes, 5001 + 4096 + 1);
    second = args_next(&p, 0);
    third = args_next(&p, second);
    assert_int_equal(second, 5001);
    assert_int_equal(third, 5001 + 4096);
    assert_int_equal(args_next(&p, third), p.bytes);
    assert_int_equal(p.page[5000 / PAGE_SIZE][5000 % PAGE_SIZE], '\0');
    assert_int_equal(p.page[5001 / PAGE_SIZE][5001 % PAGE_SIZE], 'b');
    args_free(&p);
    assert_int_equal(pages, 0);
    free(a);
    free(b);
}

static void
the_rest_of_one_run_is_added_to_another(void **state)
{
    struct arg_pages from = { .bytes = 0 }, to = { .bytes = 0 };
    char *a = letters(9000, 'a');

    (void)state;
    assert_int_equal(args_add(&from, "first"), 0);
    assert_int_equal(args_add_user(&from, (uva_t)a), 0);
    assert_int_equal(args_add(&from, "last"), 0);
    assert_int_equal(args_add(&to, "interpreter"), 0);
    assert_int_equal(args_add_rest(&to, &from, args_next(&from, 0)), 0);
    assert_int_equal(to.bytes, 12 + 9001 + 5);
    assert_int_equal(args_next(&to, 12), 12 + 9001);
    args_free(&from);
    args_free(&to);
    assert_int_equal(pages, 0);
    free(a);
}

static void
no_vector_is_an_empty_one(void **state)
{
    struct arg_pages p = { .bytes = 0 };

    (void)state;
    assert_int_equal(args_add_vector(&p, 0, &p.argc), 0);
    assert_int_equal(p.argc, 0);
    args_free(&p);
}

static void
bad_addresses_are_told(void **state)
{
    char *vector[] = { (char *)"good", (char *)8, NULL };
    struct arg_pages p = { .bytes = 0 };

    (void)state;
    assert_int_equal(args_add_vector(&p, 8, &p.argc), -EFAULT);
    assert_int_equal(args_add_vector(&p, (uva_t)vector, &p.argc), -EFAULT);
    args_free(&p);
    assert_int_equal(pages, 0);
}

static void
one_string_and_all_together_have_limits(void **state)
{
    char *fits = letters(ARG_STRING_MAX - 1, 'x'), *longer = letters(ARG_STRING_MAX, 'x');
    struct arg_pages p = { .bytes = 0 };
    int err = 0, count = 0;

    (void)state;
    assert_int_equal(args_add_user(&p, (uva_t)fits), 0);
    assert_int_equal(args_add_user(&p, (uva_t)longer), -E2BIG);
    args_free(&p);
    for (; err == 0; count++)
        err = args_add_user(&p, (uva_t)fits);
    assert_int_equal(err, -E2BIG);
    assert_int_equal(count, (int)(ARG_BYTES_MAX / ARG_STRING_MAX) + 1);
    args_free(&p);
    p.limit = 2 * PAGE_SIZE;
    p.argc = 600;               /* pointers count */
    assert_int_equal(args_add_user(&p, (uva_t)fits), -E2BIG);
    args_free(&p);
    assert_int_equal(pages, 0);
    free(fits);
    free(longer);
}

static void
without_pages_there_are_no_strings(void **state)
{
    struct arg_pages p = { .bytes = 0 };

    (void)state;
    no_more_pages = true;
    assert_int_equal(args_add(&p, "x"), -ENOMEM);
    assert_int_equal(args_add_user(&p, (uva_t) "x"), -ENOMEM);
    no_more_pages = false;
    args_free(&p);
    assert_int_equal(pages, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_lie_one_after_the_other_across_pages),
        cmocka_unit_test(the_rest_of_one_run_is_added_to_another),
        cmocka_unit_test(no_vector_is_an_empty_one),
        cmocka_unit_test(bad_addresses_are_told),
        cmocka_unit_test(one_string_and_all_together_have_limits),
        cmocka_unit_test(without_pages_there_are_no_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
