/*
 * heap_test.c: the session's heap: nothing overlaps, everything is zeroed, pages come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define OBJECTS 600
#define SMALL_MAX 2016

static unsigned pages_out, pages_limit = UINT32_MAX;

void *
page_alloc(void)
{
    if (pages_out >= pages_limit)
        return NULL;
    pages_out++;
    return memset(aligned_alloc(PAGE_SIZE, PAGE_SIZE), 0x5a, PAGE_SIZE);
}

void
page_free(void *page)
{
    pages_out--;
    free(page);
}

static void *runs[256];
static unsigned run_count;

void *
session_alloc(size_t bytes)
{
    void *p = aligned_alloc(PAGE_SIZE, PAGE_UP(bytes));

    runs[run_count++ % 256] = p;
    return memset(p, 0, PAGE_UP(bytes));
}

static struct {
    uint8_t *p;
    size_t size;
    uint8_t fill;
} object[OBJECTS];

static void
put(unsigned i, size_t size)
{
    uint8_t *p = heap_alloc(size);

    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    for (size_t n = 0; n < size; n++)
        assert_int_equal(p[n], 0);
    object[i].p = p;
    object[i].size = size;
    object[i].fill = (uint8_t)rand();
    memset(p, object[i].fill, size);
}

static void
take(unsigned i)
{
    for (size_t n = 0; n < object[i].size; n++)
        assert_int_equal(object[i].p[n], object[i].fill);
    heap_free(object[i].p);
    object[i].p = NULL;
}

static void
objects_keep_what_they_hold(void **state)
{
    (void)state;
    srand(5);
    for (int step = 0; step < 30000; step++) {
        unsigned i = (unsigned)rand() % OBJECTS;

        if (object[i].p != NULL)
            take(i);
        else
            put(i, 1 + (unsigned)rand() % SMALL_MAX);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (object[i].p != NULL)
            take(i);
    assert_in_range(pages_out, 0, 15 * 3);
}

static void
large_objects_are_used_again(void **state)
{
    unsigned before = run_count;

    (void)state;
    for (int round = 0; round < 50; round++) {
        put(0, 65536);
        put(1, 5000);
        take(0);
        take(1);
    }
    assert_int_equal(run_count - before, 2);
    assert_null(heap_alloc(65537));
    for (unsigned i = 0; i < run_count; i++)
        free(runs[i]);
}

static void
an_empty_account_gives_null(void **state)
{
    void *p[300];
    unsigned n = 0;

    (void)state;
    pages_limit = pages_out;
    while (n < 300 && (p[n] = heap_alloc(1500)) != NULL)
        n++;
    assert_in_range(n, 0, 8);
    while (n > 0)
        heap_free(p[--n]);
    pages_limit = UINT32_MAX;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_keep_what_they_hold),
        cmocka_unit_test(an_empty_account_gives_null),
        cmocka_unit_test(large_objects_are_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
