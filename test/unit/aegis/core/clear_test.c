/* clear_test.c: pte_clear: a run of entries goes, and the caller hears which frames are his to use again. */
#include <string.h>

#include "world.h"

#define VA 0x40000000ull
#define KEEP (1ull << 9)
#define PAGES 8

/* The packed counts of the last call. */
#define CLEARED (value & 0xffff)
#define UNBOUND (value >> AEG_CLEAR_UNBOUND_SHIFT & 0xffff)
#define KEPT (value >> AEG_CLEAR_KEPT_SHIFT & 0xffff)

static uint64_t *const list = (uint64_t *)(void *)fake_user;
static aeg_frame_t node, frames[PAGES];

static uint64_t
va_of(unsigned page)
{
    return VA + page * FRAME_SIZE;
}

static void
map_pages(void)
{
    node = new_path(&alice, VA);
    for (unsigned i = 0; i < PAGES; i++) {
        frames[i] = new_frame(&alice);
        assert_int_equal(set_pte(&alice, va_of(i), pte_of(frames[i], AEG_PTE_W)), AEG_OK);
    }
}

static int
clear(uint64_t va, uint64_t pages, uint64_t keep)
{
    return call(pte_clear, alice.space_id, 0, va, pages, keep, USER_AT(list));
}

static void
the_run_goes_and_its_frames_are_told_in_order(void **state)
{
    (void)state;
    map_pages();
    assert_int_equal(clear(va_of(1), 4, 0), AEG_OK);
    assert_int_equal(CLEARED, 4);
    assert_int_equal(UNBOUND, 4);
    assert_int_equal(KEPT, 0);
    for (unsigned i = 0; i < PAGES; i++) {
        bool gone = i >= 1 && i < 5;

        assert_int_equal(get_pte(&alice, va_of(i), 1) != 0, !gone);
        assert_int_equal(frame_at(frames[i])->refs, !gone);
        if (gone)
            assert_int_equal(list[i - 1], frames[i]);
    }
    assert_int_equal(frame_at(node)->live, PAGES - 4);
}

static void
frames_that_others_hold_are_not_told(void **state)
{
    (void)state;
    map_pages();
    assert_int_equal(set_pte(&alice, va_of(100), pte_of(frames[2], 0)), AEG_OK);
    assert_int_equal(clear(VA, PAGES, 0), AEG_OK);
    assert_int_equal(CLEARED, PAGES);
    assert_int_equal(UNBOUND, PAGES - 1);
    assert_int_equal(frame_at(frames[2])->refs, 1);
    assert_int_equal(list[2], frames[3]);
}

static void
a_frame_that_is_there_twice_is_told_once(void **state)
{
    (void)state;
    map_pages();
    assert_int_equal(set_pte(&alice, va_of(PAGES), pte_of(frames[0], 0)), AEG_OK);
    assert_int_equal(clear(VA, PAGES + 1, 0), AEG_OK);
    assert_int_equal(CLEARED, PAGES + 1);
    assert_int_equal(UNBOUND, PAGES);
    assert_int_equal(list[PAGES - 1], frames[0]);
}

static void
marked_entries_and_those_not_present_stay(void **state)
{
    (void)state;
    map_pages();
    assert_int_equal(set_pte(&alice, va_of(3), pte_of(frames[3], KEEP)), AEG_OK);
    assert_int_equal(set_pte(&alice, va_of(5), KEEP << 1), AEG_OK);
    assert_int_equal(clear(VA, 512, KEEP), AEG_OK);
    assert_int_equal(CLEARED, PAGES - 2);
    assert_int_equal(UNBOUND, PAGES - 2);
    assert_int_equal(KEPT, 1);
    assert_true(get_pte(&alice, va_of(3), 1) == pte_of(frames[3], KEEP));
    assert_true(get_pte(&alice, va_of(5), 1) == KEEP << 1);
    assert_int_equal(clear(VA, 512, 0), AEG_OK);
    assert_int_equal(CLEARED, 1);
    assert_int_equal(frame_at(node)->live, 0);
}

static void
an_orphan_goes_and_is_nobodys(void **state)
{
    uint64_t free_before;

    (void)state;
    map_pages();
    list[0] = frames[1];
    expect(OK, frame_free, 0, USER_AT(list), 1);
    free_before = info->frames_free;
    assert_int_equal(clear(VA, PAGES, 0), AEG_OK);
    assert_int_equal(CLEARED, PAGES);
    assert_int_equal(UNBOUND, PAGES - 1);
    assert_int_equal(frame_at(frames[1])->type, AEG_FRAME_FREE);
    assert_int_equal(info->frames_free, free_before + 1);
}

static void
nothing_of_the_run_is_translated_any_more(void **state)
{
    (void)state;
    map_pages();
    for (unsigned i = 0; i < PAGES; i++)
        assert_true(machine_translate(va_of(i)) != 0);
    assert_int_equal(clear(VA, PAGES - 1, 0), AEG_OK);
    assert_true(machine_tlb_true());
    assert_int_equal(machine_translate(VA), 0);
    assert_true(machine_translate(va_of(PAGES - 1)) != 0);
}

static void
an_empty_run_changes_nothing(void **state)
{
    (void)state;
    map_pages();
    assert_int_equal(clear(VA, 0, 0), AEG_OK);
    assert_int_equal(clear(va_of(PAGES), 512 - PAGES, 0), AEG_OK);
    assert_int_equal(value, 0);
    assert_int_equal(frame_at(node)->live, PAGES);
}

static void
space_and_node_must_be_the_callers(void **state)
{
    uint32_t reader;

    (void)state;
    map_pages();
    expect(SPACE, pte_clear, 0, 0, VA, 1, 0, USER_AT(list));
    expect(CAP_DENIED, pte_clear, bob.space_id, 0, VA, 1, 0, USER_AT(list));
    expect(CAP_INDEX, pte_clear, alice.space_id, AEG_CAPS(9, 0), VA, 1, 0, USER_AT(list));
    expect(CAP_INDEX, pte_clear, alice.space_id, AEG_CAPS(0, 9), VA, 1, 0, USER_AT(list));
    reader = lend(&alice, &alice, AEG_RIGHT_READ);
    expect(CAP_DENIED, pte_clear, alice.space_id, AEG_CAPS(0, reader), VA, 1, 0, USER_AT(list));
    assert_int_equal(frame_at(node)->live, PAGES);
}

static void
the_run_is_checked(void **state)
{
    static const struct {
        uint64_t va, pages, keep;
        aeg_err_t err;
    } bad[] = {
        { VA, 513, 0, AEG_ERR_VECTOR },
        { VA, UINT64_MAX, 0, AEG_ERR_VECTOR },
        { VA + 1, 1, 0, AEG_ERR_VA_ALIGN },
        { AEG_LIBRARY_TOP, 1, 0, AEG_ERR_VA_RANGE },
        { 0xffff800000000000ull, 1, 0, AEG_ERR_VA_RANGE },
        { VA + FRAME_SIZE, 512, 0, AEG_ERR_ARGUMENT },
        { VA + (511 << FRAME_SHIFT), 2, 0, AEG_ERR_ARGUMENT },
        { VA, 1, AEG_PTE_P, AEG_ERR_PTE_BITS },
        { VA, 1, AEG_PTE_W | KEEP, AEG_ERR_PTE_BITS },
        { VA + (1ull << 21), 1, 0, AEG_ERR_NO_NODE },
        { VA + (1ull << 39), 1, 0, AEG_ERR_NO_NODE },
    };

    (void)state;
    map_pages();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(clear(bad[i].va, bad[i].pages, bad[i].keep), bad[i].err);
        assert_int_equal(value, 0);
    }
    assert_int_equal(frame_at(node)->live, PAGES);
}

static void
a_list_that_cannot_be_written_stops_it(void **state)
{
    (void)state;
    map_pages();
    expect(BAD_ADDRESS, pte_clear, alice.space_id, 0, VA, 1, 0, UINT64_MAX - 7);
    expect(BAD_ADDRESS, pte_clear, alice.space_id, 0, VA, 1, 0, AEG_USER_TOP - 8);
    assert_int_equal(value, 0);
    assert_int_equal(set_pte(&alice, va_of(100), pte_of(frames[0], 0)), AEG_OK);
    expect(BAD_ADDRESS, pte_clear, alice.space_id, 0, VA, PAGES, 0, USER_END - 2 * sizeof(uint64_t));
    assert_int_equal(CLEARED, 3);           /* the first is held elsewhere too, two have a place in the list */
    assert_int_equal(UNBOUND, 2);
    assert_int_equal(frame_at(frames[3])->refs, 1);
    assert_true(get_pte(&alice, va_of(3), 1) != 0);
}

static void
nothing_is_taken_from_a_space_that_ends(void **state)
{
    struct actor child = alice;

    (void)state;
    map_pages();
    child.pml4 = new_frame(&alice);
    expect(OK, space_create, alice.account, 0, 0, child.pml4);
    child.space_id = value;
    space_find(child.space_id)->dying = true;
    expect(DEAD, pte_clear, child.space_id, 0, VA, 1, 0, USER_AT(list));
    space_find(child.space_id)->dying = false;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_run_goes_and_its_frames_are_told_in_order),
        TEST(frames_that_others_hold_are_not_told),
        TEST(a_frame_that_is_there_twice_is_told_once),
        TEST(marked_entries_and_those_not_present_stay),
        TEST(an_orphan_goes_and_is_nobodys),
        TEST(nothing_of_the_run_is_translated_any_more),
        TEST(an_empty_run_changes_nothing),
        TEST(space_and_node_must_be_the_callers),
        TEST(the_run_is_checked),
        TEST(a_list_that_cannot_be_written_stops_it),
        TEST(nothing_is_taken_from_a_space_that_ends),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
