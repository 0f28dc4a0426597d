/* account_test.c: accounts as a tree of limits and guarantees, and what is charged to them. */
#include "world.h"

static struct aeg_limits *
limits(uint64_t guarantee, uint64_t limit)
{
    struct aeg_limits *l = (void *)fake_user;

    for (unsigned k = 0; k < AEG_KINDS; k++) {
        l->guarantee[k] = guarantee;
        l->limit[k] = limit;
    }
    return l;
}

static aeg_id_t
child(uint64_t guarantee, uint64_t limit)
{
    expect(OK, account_create, alice.account, 0, 0, USER_AT(limits(guarantee, limit)));
    return value;
}

static void
a_child_account_has_what_its_parent_gave(void **state)
{
    aeg_id_t id = child(2, 5);
    const struct aeg_account_info *a = account_find(id);

    (void)state;
    assert_true(a->parent == alice.account);
    assert_true(a->guard.hi == cap_at(0)->name.hi);
    assert_int_equal(a->limits.limit[AEG_KIND_FRAME], 5);
    assert_int_equal(a->limits.guarantee[AEG_KIND_FRAME], 2);
    assert_int_equal(account_find(alice.account)->used[AEG_KIND_ACCOUNT], 1);
}

static void
the_parent_must_exist(void **state)
{
    (void)state;
    expect(ACCOUNT, account_create, 0, 0, 0, USER_AT(limits(1, 1)));
    expect(ACCOUNT, account_create, alice.account + (1ull << 32), 0, 0, USER_AT(limits(1, 1)));
    expect(ACCOUNT, account_create, AEG_ID(ACCOUNT_MAX, 1), 0, 0, USER_AT(limits(1, 1)));
    expect(ACCOUNT, account_create, AEG_ID(UINT32_MAX, UINT32_MAX), 0, 0, USER_AT(limits(1, 1)));
}

static void
creating_needs_control_over_the_parent_and_a_guard(void **state)
{
    (void)state;
    expect(CAP_DENIED, account_create, bob.account, 0, 0, USER_AT(limits(1, 1)));
    expect(CAP_DENIED, account_create, root.account, 0, 0, USER_AT(limits(1, 1)));
    expect(CAP_INDEX, account_create, alice.account, 7, 0, USER_AT(limits(1, 1)));
    expect(CAP_INDEX, account_create, alice.account, 0, 7, USER_AT(limits(1, 1)));
}

static void
limits_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    expect(BAD_ADDRESS, account_create, alice.account, 0, 0, WILD);
    expect(BAD_ADDRESS, account_create, alice.account, 0, 0, USER_END - 8);
    expect(BAD_ADDRESS, account_create, alice.account, 0, 0, UINT64_MAX - 8);
}

static void
a_limit_above_the_parents_is_refused(void **state)
{
    (void)state;
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(limits(1, 21)));
    struct aeg_limits *l = limits(1, 5);
    l->limit[AEG_KIND_ENV] = 21;
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(l));
}

static void
a_guarantee_above_the_limit_is_refused(void **state)
{
    (void)state;
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(limits(6, 5)));
}

static void
guarantees_never_sum_to_more_than_the_parents(void **state)
{
    (void)state;
    child(10, 20);                      /* 20, less one env in use and this: 9 are left */
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(limits(10, 20)));
    child(8, 20);
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(limits(2, 20)));
    child(0, 20);
}

static void
a_parent_beyond_its_guarantee_may_still_have_children_without_one(void **state)
{
    aeg_id_t id = child(0, 10);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        USER_WORDS[0] = 0;
        expect(OK, frame_alloc, id, 0, 0, 1, USER_AT(USER_WORDS));
    }
    expect(OK, account_create, id, 0, 0, USER_AT(limits(0, 5)));
    expect(LIMIT, account_create, id, 0, 0, USER_AT(limits(1, 5)));
}

static void
children_together_have_no_more_than_their_parent(void **state)
{
    aeg_id_t id = child(0, 3), one, other;

    (void)state;
    expect(OK, account_create, id, 0, 0, USER_AT(limits(0, 3)));
    one = value;
    expect(OK, account_create, id, 0, 0, USER_AT(limits(0, 3)));
    other = value;
    for (unsigned i = 0; i < 2; i++) {
        USER_WORDS[i] = 0;
        expect(OK, frame_alloc, one, 0, 0, 1, USER_AT(&USER_WORDS[i]));
    }
    USER_WORDS[2] = USER_WORDS[3] = 0;
    expect(LIMIT, frame_alloc, other, 0, 0, 2, USER_AT(&USER_WORDS[2]));
    assert_int_equal(value, 1);
    assert_int_equal(account_find(id)->used[AEG_KIND_FRAME], 3);
    expect(LIMIT, frame_alloc, id, 0, 0, 1, USER_AT(&USER_WORDS[3]));
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 3);
    assert_int_equal(account_find(id)->used[AEG_KIND_FRAME], 0);
}

static void
guarantees_without_end_do_not_wrap_around(void **state)
{
    struct aeg_limits *l = limits(0, 1);

    (void)state;
    act_as(&root);
    l->limit[AEG_KIND_FILTER] = l->guarantee[AEG_KIND_FILTER] = UINT64_MAX - 40;  /* less alice's and bob's */
    expect(OK, account_create, root.account, 0, 0, USER_AT(l));
    account_find(root.account)->used[AEG_KIND_FILTER] = 1;
    expect(LIMIT, account_create, root.account, 0, 0, USER_AT(l));
    account_find(root.account)->used[AEG_KIND_FILTER] = 0;
}

static void
accounts_are_charged_to_their_parent_and_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        child(0, 1);
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(limits(0, 1)));
}

static void
the_table_of_accounts_is_full_at_its_bound(void **state)
{
    (void)state;
    act_as(&root);
    for (unsigned i = 3; i < ACCOUNT_MAX; i++)
        expect(OK, account_create, root.account, 0, 0, USER_AT(limits(0, 1)));
    expect(NOMEM, account_create, root.account, 0, 0, USER_AT(limits(0, 1)));
}

static void
an_account_ends_and_its_id_is_stale(void **state)
{
    aeg_id_t id = child(1, 2), next;

    (void)state;
    expect(OK, account_end, id, 0);
    expect(ACCOUNT, account_end, id, 0);
    expect(ACCOUNT, frame_alloc, id, 0, 0, 1, USER_AT(USER_WORDS));
    next = child(1, 2);
    assert_int_equal(AEG_ID_INDEX(next), AEG_ID_INDEX(id));
    assert_int_not_equal(AEG_ID_GENERATION(next), AEG_ID_GENERATION(id));
    expect(ACCOUNT, account_end, id, 0);
    assert_int_equal(account_find(alice.account)->used[AEG_KIND_ACCOUNT], 1);
}

static void
an_account_in_use_does_not_end(void **state)
{
    aeg_id_t id = child(1, 2);

    (void)state;
    USER_WORDS[0] = 0;
    expect(OK, frame_alloc, id, 0, 0, 1, USER_AT(USER_WORDS));
    expect(NOT_READY, account_end, id, 0);
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    expect(OK, account_end, id, 0);
}

static void
an_account_with_children_does_not_end(void **state)
{
    aeg_id_t id = child(1, 2);

    (void)state;
    expect(OK, account_create, id, 0, 0, USER_AT(limits(0, 1)));
    expect(NOT_READY, account_end, id, 0);
}

static void
ending_needs_control_and_never_touches_the_root(void **state)
{
    (void)state;
    expect(CAP_DENIED, account_end, bob.account, 0);
    expect(CAP_INDEX, account_end, alice.account, 8);
    expect(ACCOUNT, account_end, root.account, 0);
    act_as(&root);
    expect(ACCOUNT, account_end, root.account, 0);
}

static void
charging_for_a_device_checks_id_capability_and_limit(void **state)
{
    (void)state;
    assert_int_equal(account_charge(0, 0, AEG_KIND_QUEUE, 1), AEG_ERR_ACCOUNT);
    assert_int_equal(account_charge(bob.account, 0, AEG_KIND_QUEUE, 1), AEG_ERR_CAP_DENIED);
    assert_int_equal(account_charge(alice.account, 9, AEG_KIND_QUEUE, 1), AEG_ERR_CAP_INDEX);
    assert_int_equal(account_charge(alice.account, 0, AEG_KIND_QUEUE, 21), AEG_ERR_LIMIT);
    assert_int_equal(account_charge(alice.account, 0, AEG_KIND_QUEUE, 20), AEG_OK);
    assert_int_equal(account_charge(alice.account, 0, AEG_KIND_QUEUE, 1), AEG_ERR_LIMIT);
    assert_int_equal(account_charge(alice.account, 0, AEG_KIND_QUEUE, UINT64_MAX), AEG_ERR_LIMIT);
    account_uncharge(alice.account, AEG_KIND_QUEUE, 20);
    account_uncharge(alice.account + (1ull << 32), AEG_KIND_QUEUE, 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_child_account_has_what_its_parent_gave),
        TEST(the_parent_must_exist),
        TEST(creating_needs_control_over_the_parent_and_a_guard),
        TEST(limits_that_cannot_be_read_are_refused),
        TEST(a_limit_above_the_parents_is_refused),
        TEST(a_guarantee_above_the_limit_is_refused),
        TEST(guarantees_never_sum_to_more_than_the_parents),
        TEST(a_parent_beyond_its_guarantee_may_still_have_children_without_one),
        TEST(children_together_have_no_more_than_their_parent),
        TEST(guarantees_without_end_do_not_wrap_around),
        TEST(accounts_are_charged_to_their_parent_and_bounded),
        TEST(the_table_of_accounts_is_full_at_its_bound),
        TEST(an_account_ends_and_its_id_is_stale),
        TEST(an_account_in_use_does_not_end),
        TEST(an_account_with_children_does_not_end),
        TEST(ending_needs_control_and_never_touches_the_root),
        TEST(charging_for_a_device_checks_id_capability_and_limit),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
