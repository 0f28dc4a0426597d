/* cap_test.c: forging, granting, dropping and revoking capabilities, and what dominates what. */
#include <string.h>

#include "world.h"

#define ALL AEG_RIGHT_ALL

static void
a_named_forge_appends_its_component_and_keeps_the_rights_asked_for(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_READ | AEG_RIGHT_FORGE);
    assert_int_equal(cap_at(value)->length, 2);
    assert_true(cap_at(value)->name.hi == AEG_NAME2(alice.component, 7));
    assert_true(cap_at(value)->name.lo == 0);
    assert_int_equal(cap_at(value)->rights, AEG_RIGHT_READ | AEG_RIGHT_FORGE);
}

static void
forging_from_an_empty_place_says_so(void **state)
{
    (void)state;
    expect(CAP_INDEX, cap_forge, 1, 7, ALL);
    expect(CAP_INDEX, cap_forge, AEG_CAP_MAX, 7, ALL);
    expect(CAP_INDEX, cap_forge, UINT32_MAX, 7, ALL);
}

static void
forging_needs_the_forge_right(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, ALL & ~AEG_RIGHT_FORGE);
    expect(CAP_DENIED, cap_forge, value, 8, AEG_RIGHT_READ);
    expect(CAP_DENIED, cap_forge, 1, 0, AEG_RIGHT_READ);
}

static void
unknown_or_no_rights_are_refused(void **state)
{
    (void)state;
    expect(RIGHTS, cap_forge, 0, 7, 0);
    expect(RIGHTS, cap_forge, 0, 7, 0x20);
    expect(RIGHTS, cap_forge, 0, 7, 1ull << 32);
    expect(RIGHTS, cap_forge, 0, 0, 0x20);
}

static void
rights_only_shrink_by_a_named_forge(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_FORGE | AEG_RIGHT_READ);
    expect(RIGHTS, cap_forge, value, 8, AEG_RIGHT_WRITE);
    expect(RIGHTS, cap_forge, 1, 8, AEG_RIGHT_READ | AEG_RIGHT_CONTROL);
    expect(OK, cap_forge, 1, 8, AEG_RIGHT_READ);
}

static void
a_component_with_the_top_bit_or_too_large_is_refused(void **state)
{
    (void)state;
    expect(CAP_NAME, cap_forge, 0, 0x8000, AEG_RIGHT_READ);
    expect(CAP_NAME, cap_forge, 0, 0xffff, AEG_RIGHT_READ);
    expect(CAP_NAME, cap_forge, 0, 0x10001, AEG_RIGHT_READ);
    expect(CAP_NAME, cap_forge, 0, 1ull << 48 | 5, AEG_RIGHT_READ);
}

static void
a_name_grows_to_eight_components_and_no_further(void **state)
{
    uint32_t cap = 0;

    (void)state;
    for (unsigned i = 2; i <= AEG_NAME_COMPONENTS; i++) {
        expect(OK, cap_forge, cap, i, ALL);
        cap = value;
        assert_int_equal(cap_at(cap)->length, i);
    }
    assert_true(cap_at(cap)->name.hi == (AEG_NAME3(alice.component, 2, 3) | 4));
    assert_true(cap_at(cap)->name.lo == (AEG_NAME3(5, 6, 7) | 8));
    expect(CAP_NAME, cap_forge, cap, 9, ALL);
    expect(CAP_NAME, cap_forge, cap, 0, ALL);
}

static void
a_fresh_name_needs_three_components_of_room(void **state)
{
    uint32_t cap = 0;

    (void)state;
    for (unsigned i = 2; i <= 6; i++) {
        expect(OK, cap_forge, cap, i, ALL);
        cap = value;
    }
    expect(CAP_NAME, cap_forge, cap, 0, ALL);
}

static void
a_fresh_forge_may_have_all_rights_whatever_its_parent_has(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_FORGE);
    expect(OK, cap_forge, value, 0, ALL);
    assert_int_equal(cap_at(value)->rights, ALL);
    assert_int_equal(cap_at(value)->length, 5);
    assert_true(cap_at(value)->name.hi & AEG_COMPONENT_FRESH << 16);
}

static void
fresh_names_end_and_do_not_start_over(void **state)
{
    uint64_t was = cap_fresh_counter;

    (void)state;
    cap_fresh_counter = (1ull << 45) - 1;
    expect(OK, cap_forge, 0, 0, ALL);
    expect(NOMEM, cap_forge, 0, 0, ALL);
    expect(NOMEM, cap_forge, 0, 0, ALL);
    cap_fresh_counter = was;
}

static void
fresh_names_never_repeat(void **state)
{
    static struct aeg_name seen[4000];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
        act_as(i & 1 ? &alice : &bob);
        expect(OK, cap_forge, 0, 0, ALL);
        seen[i] = cap_at(value)->name;
        expect(OK, cap_drop, value);
        for (unsigned j = 0; j < i; j++) {
            bool below_the_first_same = (seen[j].hi & 0xffffffffffffull) == (seen[i].hi & 0xffffffffffffull);
            assert_false(below_the_first_same && seen[j].lo == seen[i].lo);
        }
    }
}

static void
the_table_holds_so_many_and_then_is_full(void **state)
{
    (void)state;
    for (unsigned i = 1; i < AEG_CAP_MAX; i++)
        expect(OK, cap_forge, 0, i, ALL);
    expect(CAP_FULL, cap_forge, 0, 99, ALL);
    expect(CAP_FULL, cap_forge, 0, 0, ALL);
    act_as(&root);
    expect(CAP_FULL, cap_grant, 0, alice.space_id, 0, ALL);
    act_as(&alice);
    expect(OK, cap_drop, 5);
    expect(OK, cap_forge, 0, 99, ALL);
    assert_int_equal(value, 5);
}

static void
a_dropped_capability_is_gone_and_cannot_be_dropped_twice(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, ALL);
    expect(OK, cap_drop, 1);
    expect(CAP_INDEX, cap_drop, 1);
    expect(CAP_INDEX, cap_forge, 1, 8, ALL);
    expect(CAP_INDEX, cap_drop, AEG_CAP_MAX);
    expect(CAP_INDEX, cap_drop, 1ull << 32);
}

static void
a_grant_puts_a_copy_with_fewer_rights_into_a_space_one_controls(void **state)
{
    aeg_frame_t pml4 = new_frame(&alice);
    aeg_id_t space;

    (void)state;
    expect(OK, space_create, alice.account, 0, 0, pml4);
    space = value;
    expect(OK, cap_grant, 0, space, 0, AEG_RIGHT_READ);
    assert_int_equal(space_find(space)->cap[value].rights, AEG_RIGHT_READ);
    assert_true(space_find(space)->cap[value].name.hi == cap_at(0)->name.hi);
    assert_int_equal(space_find(space)->cap[value].length, 1);
}

static void
granting_needs_the_grant_right(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, ALL & ~AEG_RIGHT_GRANT);
    expect(CAP_DENIED, cap_grant, value, alice.space_id, 0, AEG_RIGHT_READ);
}

static void
granting_to_a_space_one_does_not_control_is_refused(void **state)
{
    (void)state;
    expect(CAP_DENIED, cap_grant, 0, bob.space_id, 0, AEG_RIGHT_READ);
    expect(OK, cap_forge, 0, 7, ALL);
    expect(CAP_DENIED, cap_grant, 0, alice.space_id, value, AEG_RIGHT_READ);
}

static void
granting_names_a_capability_and_a_space_that_exist(void **state)
{
    (void)state;
    expect(CAP_INDEX, cap_grant, 9, alice.space_id, 0, AEG_RIGHT_READ);
    expect(CAP_INDEX, cap_grant, 0, alice.space_id, 9, AEG_RIGHT_READ);
    expect(SPACE, cap_grant, 0, 0, 0, AEG_RIGHT_READ);
    expect(SPACE, cap_grant, 0, alice.space_id + (1ull << 32), 0, AEG_RIGHT_READ);
    expect(SPACE, cap_grant, 0, AEG_ID(SPACE_MAX, 1), 0, AEG_RIGHT_READ);
}

static void
rights_only_shrink_by_a_grant(void **state)
{
    (void)state;
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_GRANT | AEG_RIGHT_READ);
    expect(RIGHTS, cap_grant, 1, alice.space_id, 0, AEG_RIGHT_READ | AEG_RIGHT_WRITE);
    expect(RIGHTS, cap_grant, 1, alice.space_id, 0, 0);
    expect(RIGHTS, cap_grant, 1, alice.space_id, 0, AEG_RIGHT_READ | 1ull << 40);
    expect(OK, cap_grant, 1, alice.space_id, 0, AEG_RIGHT_READ);
}

static void
revoking_removes_the_name_and_all_below_it_from_every_table_but_the_entry_itself(void **state)
{
    (void)state;
    act_as(&root);
    expect(OK, cap_forge, 0, alice.component, ALL);     /* root's own copy of alice's name */
    uint32_t name = value;
    expect(OK, cap_forge, name, 7, ALL);
    uint32_t below = value;
    expect(OK, cap_grant, below, bob.space_id, 0, AEG_RIGHT_READ);
    uint32_t bobs = value;
    expect(OK, cap_revoke, name);
    assert_int_equal(cap_at(name)->rights, ALL);
    assert_int_equal(cap_at(below)->rights, 0);
    assert_int_equal(bob.space->cap[bobs].rights, 0);
    assert_int_equal(alice.space->cap[0].rights, 0);
    assert_int_equal(bob.space->cap[0].rights, ALL);    /* another name */
    assert_int_equal(cap_at(0)->rights, ALL);           /* a shorter one */
}

static void
revoking_needs_control_and_an_entry(void **state)
{
    (void)state;
    expect(CAP_INDEX, cap_revoke, 9);
    expect(OK, cap_forge, 0, 7, ALL & ~AEG_RIGHT_CONTROL);
    expect(CAP_DENIED, cap_revoke, value);
}

static void
the_list_shows_the_own_table(void **state)
{
    struct aeg_cap *list = (void *)fake_user;

    (void)state;
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_READ);
    expect(OK, cap_list, USER_AT(list), AEG_CAP_MAX);
    assert_int_equal(list[0].rights, ALL);
    assert_int_equal(list[1].rights, AEG_RIGHT_READ);
    assert_int_equal(list[2].rights, 0);
    expect(VECTOR, cap_list, USER_AT(list), AEG_CAP_MAX + 1);
    expect(VECTOR, cap_list, USER_AT(list), UINT64_MAX);
    expect(BAD_ADDRESS, cap_list, WILD, 1);
    expect(BAD_ADDRESS, cap_list, USER_END - 8, 1);
}

static void
a_capability_dominates_names_that_begin_with_its_own(void **state)
{
    struct aeg_cap cap = { { AEG_NAME2(1, 2), 0 }, 2, AEG_RIGHT_READ };
    struct aeg_cap deep = { { AEG_NAME3(1, 2, 3) | 4, AEG_NAME2(5, 6) }, 6, AEG_RIGHT_READ };
    struct aeg_cap top = { { 0, 0 }, 0, AEG_RIGHT_READ };

    (void)state;
    assert_true(cap_dominates(&cap, (struct aeg_name){ AEG_NAME2(1, 2), 0 }, AEG_RIGHT_READ));
    assert_true(cap_dominates(&cap, (struct aeg_name){ AEG_NAME3(1, 2, 9), 77 }, AEG_RIGHT_READ));
    assert_false(cap_dominates(&cap, (struct aeg_name){ AEG_NAME2(1, 3), 0 }, AEG_RIGHT_READ));
    assert_false(cap_dominates(&cap, (struct aeg_name){ AEG_NAME2(1, 0), 0 }, AEG_RIGHT_READ));
    assert_false(cap_dominates(&cap, (struct aeg_name){ AEG_NAME2(1, 2), 0 }, AEG_RIGHT_WRITE));
    assert_true(cap_dominates(&deep, (struct aeg_name){ deep.name.hi, AEG_NAME3(5, 6, 7) | 8 }, AEG_RIGHT_READ));
    assert_false(cap_dominates(&deep, (struct aeg_name){ deep.name.hi, AEG_NAME2(5, 7) }, AEG_RIGHT_READ));
    assert_false(cap_dominates(&deep, (struct aeg_name){ deep.name.hi ^ 1, deep.name.lo }, AEG_RIGHT_READ));
    assert_true(cap_dominates(&top, (struct aeg_name){ ~0ull, ~0ull }, AEG_RIGHT_READ));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_named_forge_appends_its_component_and_keeps_the_rights_asked_for),
        TEST(forging_from_an_empty_place_says_so),
        TEST(forging_needs_the_forge_right),
        TEST(unknown_or_no_rights_are_refused),
        TEST(rights_only_shrink_by_a_named_forge),
        TEST(a_component_with_the_top_bit_or_too_large_is_refused),
        TEST(a_name_grows_to_eight_components_and_no_further),
        TEST(a_fresh_name_needs_three_components_of_room),
        TEST(a_fresh_forge_may_have_all_rights_whatever_its_parent_has),
        TEST(fresh_names_never_repeat),
        TEST(fresh_names_end_and_do_not_start_over),
        TEST(the_table_holds_so_many_and_then_is_full),
        TEST(a_dropped_capability_is_gone_and_cannot_be_dropped_twice),
        TEST(a_grant_puts_a_copy_with_fewer_rights_into_a_space_one_controls),
        TEST(granting_needs_the_grant_right),
        TEST(granting_to_a_space_one_does_not_control_is_refused),
        TEST(granting_names_a_capability_and_a_space_that_exist),
        TEST(rights_only_shrink_by_a_grant),
        TEST(revoking_removes_the_name_and_all_below_it_from_every_table_but_the_entry_itself),
        TEST(revoking_needs_control_and_an_entry),
        TEST(the_list_shows_the_own_table),
        TEST(a_capability_dominates_names_that_begin_with_its_own),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
