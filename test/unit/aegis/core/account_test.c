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
    l->guarantee[AEG_KIND_QUEUE] /= 2;      /* alice has half as many */
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
    child(7, 20);
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
    l->limit[AEG_KIND_FILTER] = l->guarantee[AEG_KIND_FILTER] = UINT64_MAX;
    expect(LIMIT, account_create, root.account, 0, 0, USER_AT(l));
    l->limit[AEG_KIND_FILTER] = l->guarantee[AEG_KIND_FILTER] = account_find(root.account)->limits.limit[AEG_KIND_FILTER] - 40;
    expect(OK, account_create, root.account, 0, 0, USER_AT(l));     /* less alice's and bob's */
    l->limit[AEG_KIND_FILTER] = l->guarantee[AEG_KIND_FILTER] = 1;
    expect(LIMIT, account_create, root.account, 0, 0, USER_AT(l));
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
    for (unsigned i = 3; i < ACCOUNT_MAX - 2 * 20; i++)     /* what alice and bob were guaranteed is theirs */
        expect(OK, account_create, root.account, 0, 0, USER_AT(limits(0, 1)));
    expect(NOMEM, account_create, root.account, 0, 0, USER_AT(limits(0, 1)));
    for (unsigned i = 0; i < 20; i++)
        expect(OK, account_create, alice.account, 0, 0, USER_AT(limits(0, 1)));
    expect(LIMIT, account_create, alice.account, 0, 0, USER_AT(limits(0, 1)));
    expect(NOMEM, account_create, root.account, 0, 0, USER_AT(limits(0, 1)));
}

/* Frames in an account, as many as it can have; marked, to find them again. */
#define TAKEN 0xfe
static unsigned
take_all(aeg_id_t account, unsigned most, int *err)
{
    unsigned count = 0;

    for (*err = AEG_OK; count < most; count++) {
        USER_WORDS[0] = 0;
        *err = call(frame_alloc, account, 0, 0, 1, USER_AT(USER_WORDS));
        if (*err != AEG_OK)
            break;
        frame_at(USER_WORDS[0] & ~AEG_FRAME_ZERO)->reserved = TAKEN;
    }
    return count;
}

static aeg_id_t
below(aeg_id_t parent, uint64_t guarantee, uint64_t limit)
{
    struct aeg_limits *l = limits(guarantee, limit);

    l->guarantee[AEG_KIND_ACCOUNT] = 0;
    expect(OK, account_create, parent, 0, 0, USER_AT(l));
    return value;
}

static void
free_one_of(aeg_id_t account)
{
    for (aeg_frame_t f = 1; f < frame_count; f++) {
        if (frame_at(f)->type != AEG_FRAME_PLAIN || frame_at(f)->account != AEG_ID_INDEX(account))
            continue;
        USER_WORDS[0] = f;
        expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
        return;
    }
    fail();
}

static void
neither_parent_nor_sibling_uses_up_a_guarantee(void **state)
{
    aeg_id_t parent = below(alice.account, 10, 10), one = below(parent, 4, 10), other = below(parent, 0, 10);
    int err;

    (void)state;
    assert_int_equal(account_find(parent)->promised[AEG_KIND_FRAME], 4);
    assert_int_equal(take_all(other, 20, &err), 6);
    assert_int_equal(err, AEG_ERR_LIMIT);
    assert_int_equal(take_all(parent, 20, &err), 0);
    walk();
    assert_int_equal(take_all(one, 20, &err), 4);
    assert_int_equal(account_find(parent)->promised[AEG_KIND_FRAME], 0);
    free_one_of(one);
    assert_int_equal(take_all(other, 20, &err), 0);     /* it is one's to take again */
    assert_int_equal(take_all(one, 20, &err), 1);
    free_one_of(other);
    assert_int_equal(take_all(one, 20, &err), 1);       /* beyond the guarantee: who comes first */
    assert_int_equal(account_find(one)->used[AEG_KIND_FRAME], 5);
}

static void
a_guarantee_below_a_guarantee_is_kept_from_everybody_above(void **state)
{
    aeg_id_t parent = below(alice.account, 10, 10), one = below(parent, 6, 6), inner = below(one, 5, 6), other = below(parent, 0, 10);
    int err;

    (void)state;
    assert_int_equal(take_all(one, 20, &err), 1);       /* its own share */
    assert_int_equal(take_all(other, 20, &err), 4);
    assert_int_equal(take_all(inner, 20, &err), 5);
    assert_int_equal(take_all(parent, 20, &err), 0);
    assert_int_equal(account_find(parent)->used[AEG_KIND_FRAME], 10);
}

static void
use_beyond_the_own_guarantee_leaves_the_childs_alone(void **state)
{
    aeg_id_t parent = below(alice.account, 4, 10), inner = below(parent, 4, 4);
    int err;

    (void)state;
    assert_int_equal(take_all(parent, 20, &err), 6);
    assert_int_equal(account_find(alice.account)->promised[AEG_KIND_FRAME], 4);
    walk();
    assert_int_equal(take_all(inner, 20, &err), 4);
    walk();
}

static void
what_the_machine_has_left_is_kept_for_who_was_promised_it(void **state)
{
    uint64_t promised, free_before;
    int err;

    (void)state;
    act_as(&root);
    promised = account_find(root.account)->promised[AEG_KIND_FRAME];
    free_before = info->frames_free;
    assert_in_range(promised, 1, free_before - 1);
    assert_int_equal(take_all(root.account, free_before, &err), free_before - promised);
    assert_int_equal(err, AEG_ERR_NOMEM);
    expect(NOMEM, frame_alloc, root.account, 0, 0, 1, USER_AT(USER_WORDS));
    assert_int_equal(info->frames_free, promised);
    act_as(&alice);
    assert_int_equal(take_all(alice.account, ACTOR_FRAMES, &err), ACTOR_FRAMES - 3);
    act_as(&bob);
    assert_int_equal(take_all(bob.account, ACTOR_FRAMES, &err), ACTOR_FRAMES - 3);
    assert_int_equal(info->frames_free, 0);
    act_as(&root);
    for (aeg_frame_t f = 1; f < frame_count; f++) {
        if (frame_at(f)->reserved != TAKEN)
            continue;
        frame_at(f)->reserved = 0;
        USER_WORDS[0] = f;
        expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    }
}

static void
spaces_of_the_machine_are_kept_for_who_was_promised_them(void **state)
{
    struct aeg_account_info *r = account_find(root.account);

    (void)state;
    assert_int_equal(r->limits.limit[AEG_KIND_SPACE], SPACE_MAX);
    assert_int_equal(account_take(r, AEG_KIND_SPACE, SPACE_MAX - 1 - 2 * 20 + 1), AEG_ERR_NOMEM);
    assert_int_equal(account_take(r, AEG_KIND_SPACE, SPACE_MAX - 1 - 2 * 20), AEG_OK);
    assert_int_equal(account_take(account_find(alice.account), AEG_KIND_SPACE, 19), AEG_OK);
    assert_int_equal(account_take(account_find(alice.account), AEG_KIND_SPACE, 1), AEG_ERR_LIMIT);
    account_give(account_find(alice.account), AEG_KIND_SPACE, 19);
    account_give(r, AEG_KIND_SPACE, SPACE_MAX - 1 - 2 * 20);
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

/* Alice has a share for others in which she may do as she likes, in the name of her capability 0. */
static aeg_id_t
share(void)
{
    struct aeg_limits *l = limits(5, 10);

    l->guarantee[AEG_KIND_FRAME] = l->limit[AEG_KIND_FRAME] = 100;
    expect(OK, account_create, alice.account, 0, 0, USER_AT(l));
    return value;
}

static aeg_frame_t
frame_of(aeg_id_t account)
{
    USER_WORDS[0] = 0;
    expect(OK, frame_alloc, account, 0, 0, 1, USER_AT(USER_WORDS));
    return USER_WORDS[0] & ~AEG_FRAME_ZERO;
}

static void
an_account_ends_with_all_that_it_pays_for(void **state)
{
    struct aeg_account_info before = *account_find(alice.account);
    uint64_t free_before = info->frames_free;
    struct actor other = alice;

    (void)state;
    other.account = share();
    other.pml4 = frame_of(other.account);
    expect(OK, space_create, other.account, 0, 0, other.pml4);
    other.space_id = value;
    other.space = space_find(value);
    other.env = new_env(&other);
    other.env_id = other.env->id;
    new_path(&other, 0x400000);
    assert_int_equal(set_pte(&other, 0x400000, pte_of(frame_of(other.account), 0)), AEG_OK);
    assert_int_equal(set_pte(&other, 0x401000, pte_of(frame_of(alice.account), 0)), AEG_OK);
    expect(AGAIN, account_end, other.account, 0);
    walk();
    assert_int_equal(end_account(other.account, 0), AEG_OK);
    assert_null(space_find(other.space_id));
    assert_null(env_find(other.env_id));
    before.used[AEG_KIND_FRAME]++;              /* that alice lent it: hers, and unbound */
    assert_memory_equal(account_find(alice.account), &before, sizeof(before));
    assert_int_equal(info->frames_free, free_before - 1);
}

static void
what_others_have_bound_is_the_parents_until_they_let_go(void **state)
{
    aeg_id_t id = share();
    aeg_frame_t page = frame_of(id), node = frame_of(id);

    (void)state;
    new_path(&alice, 0x400000);
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), 0x600000, 1 | AEG_ATTACH_WRITE, node);
    assert_int_equal(set_pte(&alice, 0x400000, pte_of(page, 0)), AEG_OK);
    assert_int_equal(end_account(id, 0), AEG_OK);
    walk();
    assert_int_equal(frame_at(page)->type, AEG_FRAME_ORPHAN);
    assert_int_equal(frame_at(page)->account, AEG_ID_INDEX(alice.account));
    assert_int_equal(frame_at(node)->type, AEG_FRAME_NODE);
    assert_int_equal(frame_at(node)->account, AEG_ID_INDEX(alice.account));
    assert_int_equal(set_pte(&alice, 0x400000, 0), AEG_OK);
    assert_int_equal(frame_at(page)->type, AEG_FRAME_FREE);
}

/* The parent's users never had a capability over it. */
static void
what_was_bound_at_the_end_is_cleared_before_the_parents_users_have_it(void **state)
{
    aeg_id_t id = share();
    aeg_frame_t page = frame_of(id);

    (void)state;
    new_path(&alice, 0x400000);
    assert_int_equal(set_pte(&alice, 0x400000, pte_of(page, 0)), AEG_OK);
    *(uint64_t *)frame_map(page) = 0x5ec3e7;
    assert_int_equal(end_account(id, 0), AEG_OK);
    assert_int_equal(set_pte(&alice, 0x400000, 0), AEG_OK);
    USER_WORDS[0] = page;
    expect(OK, frame_alloc, alice.account, 0, 0, 1, USER_AT(USER_WORDS));
    assert_true(USER_WORDS[0] & AEG_FRAME_ZERO);
    assert_int_equal(*(uint64_t *)frame_map(page), 0);
}

static void
an_account_ends_with_those_below_it(void **state)
{
    aeg_id_t id = share(), inner = below(id, 2, 5), innermost = below(inner, 1, 5);

    (void)state;
    frame_of(innermost);
    frame_of(inner);
    assert_int_equal(end_account(id, 0), AEG_OK);
    assert_null(account_find(inner));
    assert_null(account_find(innermost));
    assert_int_equal(account_find(alice.account)->used[AEG_KIND_ACCOUNT], 0);
}

static void
nothing_is_added_to_an_account_that_is_ending(void **state)
{
    aeg_id_t id = share(), inner = below(id, 2, 5);

    (void)state;
    frame_of(inner);
    expect(AGAIN, account_end, id, 0);
    USER_WORDS[0] = 0;
    expect(LIMIT, frame_alloc, id, 0, 0, 1, USER_AT(USER_WORDS));
    expect(LIMIT, frame_alloc, inner, 0, 0, 1, USER_AT(USER_WORDS));
    expect(LIMIT, account_create, id, 0, 0, USER_AT(limits(0, 0)));
    assert_int_equal(account_find(alice.account)->promised[AEG_KIND_FRAME], 0);
    walk();
    assert_int_equal(end_account(id, 0), AEG_OK);
}

static void
nobody_ends_the_account_that_pays_for_him(void **state)
{
    (void)state;
    expect(NOT_READY, account_end, alice.account, 0);
    act_as(&root);
    expect(AGAIN, account_end, alice.account, 0);
}

/* A fresh name is not dominated by who let it be made; whoever controls the parent account has the last word. */
static void
control_over_the_parent_suffices_to_end(void **state)
{
    aeg_id_t id;

    (void)state;
    expect(OK, cap_forge, 0, 0, AEG_RIGHT_ALL);
    expect(OK, account_create, alice.account, 0, value, USER_AT(limits(0, 5)));
    id = value;
    expect(CAP_DENIED, frame_alloc, id, lend(&bob, &alice, AEG_RIGHT_ALL), 0, 1, USER_AT(USER_WORDS));
    expect(OK, account_end, id, 0);
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
        TEST(neither_parent_nor_sibling_uses_up_a_guarantee),
        TEST(a_guarantee_below_a_guarantee_is_kept_from_everybody_above),
        TEST(use_beyond_the_own_guarantee_leaves_the_childs_alone),
        TEST(what_the_machine_has_left_is_kept_for_who_was_promised_it),
        TEST(spaces_of_the_machine_are_kept_for_who_was_promised_them),
        TEST(an_account_ends_and_its_id_is_stale),
        TEST(an_account_ends_with_all_that_it_pays_for),
        TEST(what_others_have_bound_is_the_parents_until_they_let_go),
        TEST(what_was_bound_at_the_end_is_cleared_before_the_parents_users_have_it),
        TEST(an_account_ends_with_those_below_it),
        TEST(nothing_is_added_to_an_account_that_is_ending),
        TEST(nobody_ends_the_account_that_pays_for_him),
        TEST(control_over_the_parent_suffices_to_end),
        TEST(ending_needs_control_and_never_touches_the_root),
        TEST(charging_for_a_device_checks_id_capability_and_limit),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
