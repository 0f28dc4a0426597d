/* guard_test.c: spaces, envs and accounts get another guard. */
#include "world.h"

#define CAPS(cap, guard) ((uint64_t)(cap) | (uint64_t)(guard) << 16)
#define PAGE_VA 0x200000ull

/* Alice gives the object to a name of her own below hers, with `rights`; the index of her capability over that name. */
static uint32_t
name_below(uint32_t rights)
{
    expect(OK, cap_forge, 0, 7, rights);
    return (uint32_t)value;
}

static void
a_space_is_whose_the_new_name_is(void **state)
{
    aeg_frame_t frame = new_frame(&alice);
    uint32_t bobs = lend(&bob, &alice, AEG_RIGHT_READ);

    (void)state;
    new_path(&alice, PAGE_VA);
    assert_int_equal(set_pte(&alice, PAGE_VA, pte_of(frame, 0)), AEG_OK);
    expect(OK, guard_set, AEG_KIND_SPACE, alice.space_id, CAPS(0, bobs));
    assert_int_equal(set_pte(&alice, PAGE_VA, 0), AEG_ERR_CAP_DENIED);      /* approved before, asked again */
    expect(CAP_DENIED, guard_set, AEG_KIND_SPACE, alice.space_id, CAPS(0, 0));
    act_as(&bob);
    expect(OK, guard_set, AEG_KIND_SPACE, alice.space_id, CAPS(0, lend(&alice, &bob, AEG_RIGHT_READ)));
    act_as(&alice);
    assert_int_equal(set_pte(&alice, PAGE_VA, 0), AEG_OK);
}

static void
an_env_is_whose_the_new_name_is(void **state)
{
    struct env *other = new_env(&alice);
    uint32_t below = name_below(AEG_RIGHT_WRITE);

    (void)state;
    expect(CAP_DENIED, notify, other->id, below, 1);
    expect(OK, guard_set, AEG_KIND_ENV, other->id, CAPS(0, below));
    expect(OK, notify, other->id, below, 1);
    expect(OK, notify, other->id, 0, 1);            /* a name dominates what lies below it */
    expect(CAP_DENIED, guard_set, AEG_KIND_ENV, other->id, CAPS(below, 0));
    assert_true(other->info->guard.hi == cap_at(below)->name.hi);
    assert_true(other->gate_guard.hi == cap_at(below)->name.hi);    /* it had no name of its own */
    expect(OK, env_destroy, other->id, 0);
}

static void
an_account_is_whose_the_new_name_is(void **state)
{
    uint32_t bobs = lend(&bob, &alice, AEG_RIGHT_READ);

    (void)state;
    expect(OK, guard_set, AEG_KIND_ACCOUNT, alice.account, CAPS(0, bobs));
    expect(CAP_DENIED, frame_alloc, alice.account, 0, 0, 1, USER_AT(USER_WORDS));
    act_as(&bob);
    expect(OK, guard_set, AEG_KIND_ACCOUNT, alice.account, CAPS(0, lend(&alice, &bob, AEG_RIGHT_READ)));
    act_as(&alice);
    USER_WORDS[0] = 0;
    expect(OK, frame_alloc, alice.account, 0, 0, 1, USER_AT(USER_WORDS));
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
}

static void
each_mistake_has_its_error(void **state)
{
    uint32_t below = name_below(AEG_RIGHT_ALL & ~AEG_RIGHT_CONTROL), bobs = lend(&bob, &alice, AEG_RIGHT_READ);

    (void)state;
    expect(CAP_INDEX, guard_set, AEG_KIND_SPACE, alice.space_id, CAPS(0, 99));
    expect(CAP_INDEX, guard_set, AEG_KIND_SPACE, alice.space_id, CAPS(99, 0));
    expect(CAP_INDEX, guard_set, AEG_KIND_ACCOUNT, alice.account, CAPS(99, 0));
    expect(CAP_INDEX, guard_set, AEG_KIND_ENV, alice.env_id, CAPS(99, 0));
    expect(ARGUMENT, guard_set, AEG_KIND_FRAME, 1, CAPS(0, 0));
    expect(ARGUMENT, guard_set, ~0ull, 1, CAPS(0, 0));
    expect(SPACE, guard_set, AEG_KIND_SPACE, alice.space_id + (1ull << 32), CAPS(0, 0));
    expect(ENV, guard_set, AEG_KIND_ENV, 0, CAPS(0, 0));
    expect(ACCOUNT, guard_set, AEG_KIND_ACCOUNT, alice.account + (1ull << 32), CAPS(0, 0));
    expect(CAP_DENIED, guard_set, AEG_KIND_SPACE, bob.space_id, CAPS(0, 0));
    expect(CAP_DENIED, guard_set, AEG_KIND_ENV, bob.env_id, CAPS(bobs, 0));
    expect(CAP_DENIED, guard_set, AEG_KIND_ACCOUNT, bob.account, CAPS(0, bobs));
    expect(CAP_DENIED, guard_set, AEG_KIND_ENV, alice.env_id, CAPS(below, 0));
}

static void
a_dying_space_changes_hands_no_more(void **state)
{
    struct aeg_pte_op *ops = (void *)fake_user;
    aeg_frame_t page = new_frame(&alice), pml4 = new_frame(&alice);
    struct actor other = alice;

    (void)state;
    expect(OK, space_create, alice.account, 0, 0, pml4);
    other.space_id = value;
    other.space = space_find(value);
    for (unsigned pt = 0; pt < 6; pt++) {
        new_path(&other, pt << 21);
        for (unsigned i = 0; i < 512; i++)
            ops[i] = (struct aeg_pte_op){ (pt << 21) + (i << 12), pte_of(page, 0) };
        expect(OK, pte_set, other.space_id, 0, USER_AT(ops), 512);
    }
    expect(AGAIN, space_destroy, other.space_id, 0);
    expect(DEAD, guard_set, AEG_KIND_SPACE, other.space_id, CAPS(0, 0));
    destroy_space(other.space_id, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_space_is_whose_the_new_name_is),
        TEST(an_env_is_whose_the_new_name_is),
        TEST(an_account_is_whose_the_new_name_is),
        TEST(each_mistake_has_its_error),
        TEST(a_dying_space_changes_hands_no_more),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
