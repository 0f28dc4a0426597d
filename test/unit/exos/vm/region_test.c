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
static unsigned lent;              /* times that a neighbour took a part over */
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

static bool
could_be_one(const struct region *a, const struct region *b)
{
    return a->end == b->start && a->prot == b->prot && a->file == b->file &&
           (a->file == NULL || (a->offset + a->file_bytes == b->offset && a->file_bytes == a->end - a->start));
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
    for (uint32_t i = 1; i < map.count; i++)
        assert_false(could_be_one(map.at[i - 1], map.at[i]));
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
    uint32_t first, last, i = region_index(&map, va(from));
    const struct region *r = i < map.count ? map.at[i] : NULL;

    if (r != NULL && ((r->start == va(from) && r->end > va(to)) || (r->start < va(from) && r->end == va(to)))) {
        region_trim(&map, i, va(from), va(to));
    } else {
        assert_int_equal(region_cut(&map, va(from), va(to), &first, &last), 0);
        region_remove(&map, first, last);
    }
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
    uint32_t first, last, i = region_index(&map, va(from));

    if (i < map.count && map.at[i]->end >= va(to) && region_lend(&map, i, va(from), va(to), prot) != NULL) {
        lent++;
    } else {
        assert_int_equal(region_cut(&map, va(from), va(to), &first, &last), 0);
        for (i = first; i < last; i++)
            map.at[i]->prot = prot;
        region_merge(&map, first, last);
    }
    for (unsigned p = from; p < to; p++)
        oracle[p].prot = (uint8_t)prot;
}

/* The first page of a region gets the protection of the region before it. */
static void
protect_edge(unsigned any)
{
    uint32_t i = map.count > 1 ? 1 + any % (map.count - 1) : 0;
    unsigned page = i > 0 ? (unsigned)((map.at[i]->start - BASE) / PAGE_SIZE) : 0;

    if (i > 0)
        protect(page, page + 1, map.at[i - 1]->prot);
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

        switch (rand() % 5) {
        case 0: carve(from, to); break;
        case 4: protect_edge((unsigned)rand()); break;
        case 1: case 2: place(from, to); break;
        default: protect(from, to, (unsigned)rand() % 8); break;
        }
        if (step % 16 == 0) {
            check();
            check_gap(1 + (unsigned)rand() % 30);
        }
    }
    assert_true(lent > 0);
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
    uint32_t first, last;

    (void)state;
    region_map_init(&map);
    assert_non_null(region_add(&map, &a));
    plain_heap_fails = true;
    assert_int_equal(region_cut(&map, va(4), va(8), &first, &last), -ENOMEM);
    assert_int_equal(region_cut(&map, va(0), va(4), &first, &last), -ENOMEM);
    assert_int_equal(region_cut(&map, va(2), va(4), &first, &last), -ENOMEM);
    plain_heap_fails = false;
    assert_int_equal(map.count, 1);
    assert_int_equal(map.at[0]->end, va(8));
    region_map_free(&map);
    assert_int_equal(plain_heap_objects, 0);
}

static void
parts_of_a_file_that_follow_each_other_become_one(void **state)
{
    struct region a = { .start = va(0), .end = va(2), .prot = 1, .file = &files[0], .offset = PAGE_SIZE, .file_bytes = 2 * PAGE_SIZE };
    struct region b = { .start = va(2), .end = va(4), .prot = 1, .file = &files[0], .offset = 3 * PAGE_SIZE, .file_bytes = 2 * PAGE_SIZE };
    struct region c = { .start = va(4), .end = va(5), .prot = 1, .file = &files[0], .offset = 9 * PAGE_SIZE, .file_bytes = PAGE_SIZE };

    (void)state;
    region_map_init(&map);
    assert_non_null(region_add(&map, &b));
    assert_non_null(region_add(&map, &c));
    assert_non_null(region_add(&map, &a));
    assert_int_equal(map.count, 2);
    assert_int_equal(map.at[0]->file_bytes, 4 * PAGE_SIZE);
    assert_int_equal(map.at[0]->offset, PAGE_SIZE);
    assert_int_equal(files[0].refs, 2);
    region_map_free(&map);
    assert_int_equal(files[0].refs, 0);
}

static void
the_highest_gap_is_found_however_the_map_has_changed(void **state)
{
    struct region r = { .prot = 1 };
    uint32_t first, last;

    (void)state;
    region_map_init(&map);
    for (unsigned n = 0; n < 20; n++) {         /* one page, one free, and so on */
        r.start = va(100 - 2 * n);
        r.end = r.start + PAGE_SIZE;
        r.prot = n % 7;
        assert_non_null(region_add(&map, &r));
    }
    assert_int_equal(region_gap(&map, 2 * PAGE_SIZE, va(0), va(101)), va(60));
    assert_int_equal(region_gap(&map, PAGE_SIZE, va(0), va(101)), va(99));
    assert_int_equal(region_gap(&map, 3 * PAGE_SIZE, va(0), va(101)), va(59));
    assert_int_equal(region_cut(&map, va(80), va(81), &first, &last), 0);
    region_remove(&map, first, last);
    assert_int_equal(region_gap(&map, 3 * PAGE_SIZE, va(0), va(101)), va(79));
    assert_int_equal(region_gap(&map, 300 * PAGE_SIZE, va(0), va(101)), 0);
    assert_int_equal(region_gap(&map, 3 * PAGE_SIZE, va(0), va(101)), va(79));
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
        cmocka_unit_test(parts_of_a_file_that_follow_each_other_become_one),
        cmocka_unit_test(the_highest_gap_is_found_however_the_map_has_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
