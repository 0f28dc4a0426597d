/*
 * region_test.c: the region map against an array that knows every page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/exos/plain.h"
#include "fs/file.h"
#include "vm/region.h"

#define PAGES 256
#define BASE 0x100000ul

static struct file files[2];
static struct region_map map;
static struct oracle {
    uint8_t there, prot, file;
    uint64_t offset;
} oracle[PAGES];

void
file_end(struct file *f)
{
    assert_int_equal(f->refs, 0);
}

static uint64_t
va(unsigned page)
{
    return BASE + page * PAGE_SIZE;
}

static void
check(void)
{
    uint64_t pages = 0, end = 0;

    for (uint32_t i = 0; i < map.count; i++) {
        assert_true(map.at[i]->start >= end && map.at[i]->start < map.at[i]->end);
        end = map.at[i]->end;
        pages += (map.at[i]->end - map.at[i]->start) / PAGE_SIZE;
    }
    assert_int_equal(map.pages, pages);
    for (unsigned p = 0; p < PAGES; p++) {
        const struct region *r = region_find(&map, va(p) + (unsigned)rand() % PAGE_SIZE);

        assert_int_equal(r != NULL, oracle[p].there);
        if (r == NULL)
            continue;
        assert_int_equal(r->prot, oracle[p].prot);
        assert_int_equal(r->file == NULL ? 0 : r->file == &files[0] ? 1 : 2, oracle[p].file);
        if (r->file != NULL) {
            assert_int_equal(r->offset + (va(p) - r->start), oracle[p].offset);
            assert_true(va(p) - r->start < r->file_bytes);
        }
    }
}

static void
carve(unsigned from, unsigned to)
{
    assert_int_equal(region_split(&map, va(from)), 0);
    assert_int_equal(region_split(&map, va(to)), 0);
    region_remove(&map, va(from), va(to));
    for (unsigned p = from; p < to; p++)
        oracle[p].there = 0;
}

static void
place(unsigned from, unsigned to)
{
    unsigned file = (unsigned)rand() % 3, prot = (unsigned)rand() % 4;
    struct region r = { .start = va(from), .end = va(to), .prot = prot, .file = file ? &files[file - 1] : NULL };

    carve(from, to);
    if (file) {
        r.offset = (unsigned)rand() % 64 * PAGE_SIZE;
        r.file_bytes = r.end - r.start;
    }
    assert_non_null(region_add(&map, &r));
    for (unsigned p = from; p < to; p++)
        oracle[p] = (struct oracle){ 1, (uint8_t)prot, (uint8_t)file, r.offset + (p - from) * PAGE_SIZE };
}

static void
protect(unsigned from, unsigned to, uint32_t prot)
{
    assert_int_equal(region_split(&map, va(from)), 0);
    assert_int_equal(region_split(&map, va(to)), 0);
    for (uint32_t i = region_index(&map, va(from)); i < map.count && map.at[i]->start < va(to); i++)
        map.at[i]->prot = prot;
    region_merge(&map, va(from), va(to));
    for (unsigned p = from; p < to; p++)
        oracle[p].prot = (uint8_t)prot;
}

static void
check_gap(unsigned len)
{
    uint64_t gap = region_gap(&map, len * PAGE_SIZE, va(0), va(PAGES));
    unsigned best = PAGES, run = 0;

    for (unsigned p = PAGES; p-- > 0 && best == PAGES;) {
        run = oracle[p].there ? 0 : run + 1;
        if (run == len)
            best = p;
    }
    assert_int_equal(gap, best == PAGES ? 0 : va(best));
}

static void
agrees_with_an_array_of_pages(void **state)
{
    (void)state;
    srand(7);
    region_map_init(&map);
    for (int step = 0; step < 4000; step++) {
        unsigned from = (unsigned)rand() % PAGES, to = from + 1 + (unsigned)rand() % (PAGES - from < 40 ? PAGES - from : 40);

        switch (rand() % 4) {
        case 0: carve(from, to); break;
        case 1: case 2: place(from, to); break;
        default: protect(from, to, (unsigned)rand() % 8); break;
        }
        if (step % 16 == 0) {
            check();
            check_gap(1 + (unsigned)rand() % 30);
        }
    }
    region_map_free(&map);
    assert_int_equal(files[0].refs + files[1].refs, 0);
    assert_int_equal(plain_heap_objects, 0);
}

static void
equal_anonymous_neighbours_become_one(void **state)
{
    struct region a = { .start = va(0), .end = va(4), .prot = 3 }, b = { .start = va(4), .end = va(8), .prot = 3 };
    struct region c = { .start = va(9), .end = va(10), .prot = 3 }, d = { .start = va(8), .end = va(9), .prot = 3 };

    (void)state;
    region_map_init(&map);
    assert_non_null(region_add(&map, &a));
    assert_non_null(region_add(&map, &b));
    assert_non_null(region_add(&map, &c));
    assert_int_equal(map.count, 2);
    assert_non_null(region_add(&map, &d));
    assert_int_equal(map.count, 1);
    region_map_free(&map);
}

static void
a_copy_is_equal_and_holds_its_own_references(void **state)
{
    struct region a = { .start = va(0), .end = va(8), .prot = 3, .file = &files[0], .file_bytes = 100 };
    struct region b = { .start = va(9), .end = va(10), .prot = 1 };
    struct region_map copy;

    (void)state;
    region_map_init(&map);
    region_map_init(&copy);
    assert_non_null(region_add(&map, &a));
    assert_non_null(region_add(&map, &b));
    assert_int_equal(region_map_copy(&copy, &map), 0);
    assert_int_equal(copy.pages, map.pages);
    assert_int_equal(copy.count, 2);
    assert_int_equal(files[0].refs, 2);
    region_map_free(&map);
    assert_int_equal(files[0].refs, 1);
    assert_int_equal(region_find(&copy, va(3))->file_bytes, 100);
    assert_non_null(region_find(&copy, va(9)));
    region_map_free(&copy);
    assert_int_equal(files[0].refs, 0);
    region_map_init(&map);
    assert_int_equal(region_map_copy(&copy, &map), 0);
    assert_int_equal(copy.count, 0);
    region_map_free(&copy);
}

static void
a_copy_without_memory_says_so(void **state)
{
    struct region a = { .start = va(0), .end = va(8), .prot = 3 };
    struct region_map copy;

    (void)state;
    region_map_init(&map);
    region_map_init(&copy);
    assert_non_null(region_add(&map, &a));
    plain_heap_fails = true;
    assert_int_equal(region_map_copy(&copy, &map), -ENOMEM);
    plain_heap_fails = false;
    region_map_free(&copy);
    region_map_free(&map);
    assert_int_equal(plain_heap_objects, 0);
}

static void
a_failed_split_changes_nothing(void **state)
{
    struct region a = { .start = va(0), .end = va(8), .prot = 3 };

    (void)state;
    region_map_init(&map);
    assert_non_null(region_add(&map, &a));
    plain_heap_fails = true;
    assert_int_equal(region_split(&map, va(4)), -ENOMEM);
    plain_heap_fails = false;
    assert_int_equal(map.count, 1);
    assert_int_equal(map.at[0]->end, va(8));
    region_map_free(&map);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_an_array_of_pages),
        cmocka_unit_test(equal_anonymous_neighbours_become_one),
        cmocka_unit_test(a_copy_is_equal_and_holds_its_own_references),
        cmocka_unit_test(a_copy_without_memory_says_so),
        cmocka_unit_test(a_failed_split_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
