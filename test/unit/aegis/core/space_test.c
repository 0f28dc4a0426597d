/* space_test.c: making spaces, and taking them apart in steps. */
#include <string.h>

#include "world.h"

static struct actor
another_space(void)
{
    struct actor a = alice;

    a.pml4 = new_frame(&alice);
    expect(OK, space_create, alice.account, 0, 0, a.pml4);
    a.space_id = value;
    a.space = space_find(value);
    return a;
}

static void
a_new_space_is_an_empty_node_with_kernel_window_and_information(void **state)
{
    struct actor a = another_space();
    const uint64_t *root_table = frame_map(a.pml4);

    (void)state;
    assert_int_equal(frame_at(a.pml4)->type, AEG_FRAME_NODE);
    assert_int_equal(frame_at(a.pml4)->live, 0);
    for (unsigned i = 0; i < AEG_WINDOW_SLOT; i++)
        assert_int_equal(root_table[i], 0);
    assert_int_equal(root_table[AEG_WINDOW_SLOT] >> FRAME_SHIFT & 0xffffff, a.pml4);
    for (unsigned i = 0; i < AEG_CAP_MAX; i++)
        assert_int_equal(a.space->cap[i].rights, 0);
    assert_true(a.space->guard.hi == cap_at(0)->name.hi);
}

static void
creating_needs_an_account_and_write_over_it_and_over_the_frame(void **state)
{
    aeg_frame_t frame = new_frame(&alice);

    (void)state;
    expect(ACCOUNT, space_create, 0, 0, 0, frame);
    expect(ACCOUNT, space_create, alice.account + (1ull << 33), 0, 0, frame);
    expect(CAP_INDEX, space_create, alice.account, 9, 0, frame);
    expect(CAP_INDEX, space_create, alice.account, 0, 9, frame);
    expect(CAP_DENIED, space_create, bob.account, 0, 0, frame);
    expect(CAP_DENIED, space_create, alice.account, 0, 0, bob.uenv);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_READ);
    expect(CAP_DENIED, space_create, alice.account, value, 0, frame);
}

static void
the_frame_must_be_plain_and_free_of_references(void **state)
{
    aeg_frame_t frame = new_frame(&alice);

    (void)state;
    expect(FRAME, space_create, alice.account, 0, 0, frame_count);
    expect(FRAME, space_create, alice.account, 0, 0, UINT64_MAX);
    expect(FRAME, space_create, alice.account, 0, 0, 0);
    expect(FRAME_NODE, space_create, alice.account, 0, 0, alice.pml4);
    expect(FRAME_BUSY, space_create, alice.account, 0, 0, alice.uenv);
    expect(FRAME_BUSY, space_create, alice.account, 0, 0, alice.save);
    new_path(&alice, 0);
    assert_int_equal(set_pte(&alice, 0, pte_of(frame, 0)), AEG_OK);
    expect(FRAME_BUSY, space_create, alice.account, 0, 0, frame);
    assert_int_equal(set_pte(&alice, 0, 0), AEG_OK);
    USER_WORDS[0] = frame;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    expect(FRAME_FREE, space_create, alice.account, 0, 0, frame);
}

static void
spaces_are_charged_and_limited(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 20; i++)
        another_space();
    expect(LIMIT, space_create, alice.account, 0, 0, new_frame(&alice));
}

static void
the_table_of_spaces_is_full_at_its_bound(void **state)
{
    aeg_frame_t frame;

    (void)state;
    act_as(&root);
    for (unsigned i = 1 + 2 * 20; i < SPACE_MAX; i++) {    /* alice's and bob's guarantees are not for root */
        frame = new_frame(&root);
        expect(OK, cap_forge, 0, 9, AEG_RIGHT_ALL);
        uint32_t cap = value;
        expect(OK, space_create, root.account, 0, cap, frame);
        expect(OK, cap_drop, cap);
    }
    frame = new_frame(&root);
    expect(NOMEM, space_create, root.account, 0, 0, frame);
    assert_int_equal(frame_at(frame)->type, AEG_FRAME_PLAIN);
    walk();
    USER_WORDS[0] = frame;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    for (unsigned i = 0; i < SPACE_MAX; i++) {
        if (space_at(i)->id == 0 || space_at(i) == root.space || space_at(i) == alice.space || space_at(i) == bob.space)
            continue;
        frame = space_at(i)->pml4;
        destroy_space(space_at(i)->id, 0);
        USER_WORDS[0] = frame;
        expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    }
}

static void
destroying_checks_id_and_capability(void **state)
{
    (void)state;
    expect(SPACE, space_destroy, 0, 0);
    expect(SPACE, space_destroy, alice.space_id + (1ull << 32), 0);
    expect(SPACE, space_destroy, AEG_ID(SPACE_MAX + 5, 1), 0);
    expect(CAP_DENIED, space_destroy, bob.space_id, 0);
    expect(CAP_INDEX, space_destroy, alice.space_id, 9);
    struct actor a = another_space();
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL);
    expect(CAP_DENIED, space_destroy, a.space_id, value);
}

static void
nobody_destroys_the_space_it_runs_in(void **state)
{
    (void)state;
    expect(NOT_READY, space_destroy, alice.space_id, 0);
    assert_false(alice.space->dying);
}

static void
a_destroyed_space_gives_everything_back_and_its_id_is_stale(void **state)
{
    struct actor a = another_space();
    aeg_frame_t page = new_frame(&alice), pt;
    aeg_id_t next;

    (void)state;
    pt = new_path(&a, 0x40000000);
    assert_int_equal(set_pte(&a, 0x40000000, pte_of(page, AEG_PTE_W)), AEG_OK);
    struct env *e = new_env(&a);
    aeg_id_t env = e->id;
    destroy_space(a.space_id, 0);
    assert_int_equal(frame_at(page)->refs, 0);
    assert_int_equal(frame_at(pt)->type, AEG_FRAME_PLAIN);
    assert_int_equal(frame_at(a.pml4)->type, AEG_FRAME_PLAIN);
    assert_int_equal(frame_at(a.pml4)->refs, 0);
    assert_null(env_find(env));
    expect(SPACE, space_destroy, a.space_id, 0);
    expect(SPACE, pte_set, a.space_id, 0, USER_AT(USER_WORDS), 0);
    next = another_space().space_id;
    assert_int_equal(AEG_ID_INDEX(next), AEG_ID_INDEX(a.space_id));
    assert_true(next != a.space_id);
}

static void
destruction_goes_in_steps_and_the_dying_space_takes_nothing_new(void **state)
{
    struct actor a = another_space();
    struct aeg_pte_op *ops = (void *)fake_user;
    aeg_frame_t page = new_frame(&alice), spare = new_frame(&alice);
    unsigned steps = 1;

    (void)state;
    expect(OK, cap_grant, 0, a.space_id, 0, AEG_RIGHT_ALL);
    for (unsigned pt = 0; pt < 6; pt++) {
        new_path(&a, pt << 21);
        for (unsigned i = 0; i < 512; i++)
            ops[i] = (struct aeg_pte_op){ (pt << 21) + (i << 12), pte_of(page, 0) };
        expect(OK, pte_set, a.space_id, 0, USER_AT(ops), 512);
        assert_int_equal(value, 512);
    }
    assert_int_equal(frame_at(page)->refs, 6 * 512);
    expect(AGAIN, space_destroy, a.space_id, 0);
    assert_true(frame_at(page)->refs < 6 * 512);
    walk();
    expect(DEAD, cap_grant, 0, a.space_id, 0, AEG_RIGHT_ALL);
    expect(DEAD, pt_attach, a.space_id, 0, 1ull << 39, 3, spare);
    expect(DEAD, pt_detach, a.space_id, 0, 1);
    expect(DEAD, pte_set, a.space_id, 0, USER_AT(ops), 1);
    expect(DEAD, pte_copy, a.space_id, 0, alice.space_id, 0, USER_AT(ops), 1);
    expect(DEAD, pte_copy, alice.space_id, 0, a.space_id, 0, USER_AT(ops), 1);
    expect(DEAD, env_create, alice.account, 0, 0, a.space_id, USER_AT(ops));
    for (unsigned i = 0; i < AEG_CAP_MAX; i++)
        assert_int_equal(a.space->cap[i].rights, 0);
    for (;;) {
        int err = call(space_destroy, a.space_id, 0);
        walk();
        steps++;
        if (err == AEG_OK)
            break;
        assert_int_equal(err, AEG_ERR_AGAIN);
    }
    assert_in_range(steps, 4, 5);
    assert_int_equal(frame_at(page)->refs, 0);
}

static void
a_node_that_another_space_attaches_survives(void **state)
{
    struct actor a = another_space();
    aeg_frame_t page = new_frame(&alice), pt = new_path(&a, 0);
    uint64_t entry;

    (void)state;
    assert_int_equal(set_pte(&a, 0x5000, pte_of(page, AEG_PTE_W)), AEG_OK);
    aeg_frame_t pdpt = get_pte(&a, 0, 4) >> FRAME_SHIFT & 0xffffff;
    expect(OK, pt_attach, alice.space_id, 0, 0, 3, pdpt);
    destroy_space(a.space_id, 0);
    assert_int_equal(frame_at(pt)->type, AEG_FRAME_NODE);
    assert_int_equal(frame_at(page)->refs, 1);
    entry = get_pte(&alice, 0x5000, 1);
    assert_int_equal(entry & AEG_PTE_ADDR, page << FRAME_SHIFT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_space_is_an_empty_node_with_kernel_window_and_information),
        TEST(creating_needs_an_account_and_write_over_it_and_over_the_frame),
        TEST(the_frame_must_be_plain_and_free_of_references),
        TEST(spaces_are_charged_and_limited),
        TEST(the_table_of_spaces_is_full_at_its_bound),
        TEST(destroying_checks_id_and_capability),
        TEST(nobody_destroys_the_space_it_runs_in),
        TEST(a_destroyed_space_gives_everything_back_and_its_id_is_stale),
        TEST(destruction_goes_in_steps_and_the_dying_space_takes_nothing_new),
        TEST(a_node_that_another_space_attaches_survives),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
