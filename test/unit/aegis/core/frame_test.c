/* frame_test.c: frames: who gets them, in what state, and when they are free again. */
#include <string.h>

#include "world.h"

static uint64_t *const list = (uint64_t *)(void *)fake_user;

/* Allocates any `count` frames to list[], in as many calls as it takes. */
static void
alloc(const struct actor *who, unsigned count)
{
    uint64_t done = 0;

    memset(list, 0, count * sizeof(*list));
    while (done < count) {
        int err = call(frame_alloc, who->account, 0, 0, count - done, USER_AT(list + done));
        assert_true(err == AEG_OK || err == AEG_ERR_AGAIN);
        assert_true(value > 0);
        done += value;
    }
}

static void
frames_come_guarded_charged_and_plain(void **state)
{
    uint64_t used = account_find(alice.account)->used[AEG_KIND_FRAME], free = info->frames_free;

    (void)state;
    alloc(&alice, 10);
    for (unsigned i = 0; i < 10; i++) {
        const struct aeg_frame_info *f = frame_at(list[i] & ~AEG_FRAME_ZERO);
        assert_int_equal(f->type, AEG_FRAME_PLAIN);
        assert_true(f->guard.hi == cap_at(0)->name.hi);
        assert_int_equal(f->account, AEG_ID_INDEX(alice.account));
        assert_int_equal(f->refs, 0);
    }
    assert_int_equal(account_find(alice.account)->used[AEG_KIND_FRAME], used + 10);
    assert_int_equal(info->frames_free, free - 10);
}

static void
a_frame_of_another_account_is_cleared_first(void **state)
{
    aeg_frame_t frame = new_frame(&alice);

    (void)state;
    memset(frame_map(frame), 0xaa, FRAME_SIZE);
    list[0] = frame;
    expect(OK, frame_free, 0, USER_AT(list), 1);
    act_as(&bob);
    list[0] = frame;
    expect(OK, frame_alloc, bob.account, 0, 0, 1, USER_AT(list));
    assert_true(list[0] == (frame | AEG_FRAME_ZERO));
    for (unsigned i = 0; i < FRAME_SIZE; i++)
        assert_int_equal(((uint8_t *)frame_map(frame))[i], 0);
}

static void
a_frame_of_the_same_account_recycles_as_it_is_and_says_so(void **state)
{
    aeg_frame_t frame = new_frame(&alice);

    (void)state;
    memset(frame_map(frame), 0xaa, FRAME_SIZE);
    list[0] = frame;
    expect(OK, frame_free, 0, USER_AT(list), 1);
    list[0] = frame;
    expect(OK, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    assert_true(list[0] == frame);
    assert_int_equal(*(uint8_t *)frame_map(frame), 0xaa);
}

static void
an_account_that_inherits_a_place_in_the_table_does_not_inherit_what_frames_held(void **state)
{
    struct aeg_limits *l = (void *)fake_user;
    aeg_id_t first;
    aeg_frame_t frame;

    (void)state;
    *l = (struct aeg_limits){ .limit[AEG_KIND_FRAME] = 4 };
    expect(OK, account_create, alice.account, 0, 0, USER_AT(l));
    first = value;
    list[0] = 0;
    expect(OK, frame_alloc, first, 0, 0, 1, USER_AT(list));
    frame = list[0] & ~AEG_FRAME_ZERO;
    memset(frame_map(frame), 0xaa, FRAME_SIZE);
    expect(OK, frame_free, 0, USER_AT(list), 1);
    expect(OK, account_end, first, 0);
    act_as(&bob);
    *l = (struct aeg_limits){ .limit[AEG_KIND_FRAME] = 4 };
    expect(OK, account_create, bob.account, 0, 0, USER_AT(l));
    assert_int_equal(AEG_ID_INDEX(value), AEG_ID_INDEX(first));
    list[0] = frame;
    expect(OK, frame_alloc, value, 0, 0, 1, USER_AT(list));
    assert_true(list[0] & AEG_FRAME_ZERO);
    assert_int_equal(*(uint8_t *)frame_map(frame), 0);
}

static void
clearing_is_bounded_and_says_how_far_it_came(void **state)
{
    (void)state;
    memset(list, 0, 200 * sizeof(*list));
    expect(AGAIN, frame_alloc, alice.account, 0, 0, 200, USER_AT(list));
    assert_int_equal(value, 16);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(list[i] != 0, i < 16);
}

static void
a_caller_may_name_the_frame_it_wants(void **state)
{
    aeg_frame_t frame = new_frame(&alice);

    (void)state;
    list[0] = frame;
    expect(FRAME_BUSY, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    list[0] = frame;
    expect(OK, frame_free, 0, USER_AT(list), 1);
    list[0] = frame;
    expect(OK, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    assert_int_equal(list[0] & ~AEG_FRAME_ZERO, frame);
}

static void
naming_a_frame_that_is_no_memory_is_refused(void **state)
{
    (void)state;
    list[0] = frame_count;
    expect(FRAME, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    list[0] = UINT64_MAX >> 1;
    expect(FRAME, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    list[0] = 5 | AEG_FRAME_ZERO;
    expect(FRAME, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    list[0] = 5;
    expect(FRAME_BUSY, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
}

static void
a_bad_wish_in_the_middle_stops_there_and_loses_nothing(void **state)
{
    (void)state;
    memset(list, 0, 8 * sizeof(*list));
    list[5] = frame_count + 1;
    list[6] = 1234;
    expect(FRAME, frame_alloc, alice.account, 0, 0, 8, USER_AT(list));
    assert_int_equal(value, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(frame_at(list[i] & ~AEG_FRAME_ZERO)->type, AEG_FRAME_PLAIN);
    assert_int_equal(list[5], frame_count + 1);
    assert_int_equal(list[6], 1234);
    assert_int_equal(list[7], 0);
}

static void
allocation_checks_account_capability_guard_length_and_address(void **state)
{
    (void)state;
    list[0] = 0;
    expect(ACCOUNT, frame_alloc, 0, 0, 0, 1, USER_AT(list));
    expect(ACCOUNT, frame_alloc, alice.account + (1ull << 32), 0, 0, 1, USER_AT(list));
    expect(CAP_INDEX, frame_alloc, alice.account, 9, 0, 1, USER_AT(list));
    expect(CAP_INDEX, frame_alloc, alice.account, 0, 9, 1, USER_AT(list));
    expect(CAP_DENIED, frame_alloc, bob.account, 0, 0, 1, USER_AT(list));
    expect(VECTOR, frame_alloc, alice.account, 0, 0, AEG_VECTOR_MAX + 1, USER_AT(list));
    expect(VECTOR, frame_alloc, alice.account, 0, 0, UINT64_MAX, USER_AT(list));
    expect(BAD_ADDRESS, frame_alloc, alice.account, 0, 0, 1, WILD);
    expect(BAD_ADDRESS, frame_alloc, alice.account, 0, 0, 1, UINT64_MAX - 3);
    assert_int_equal(value, 0);
}

static void
a_vector_that_leaves_the_users_memory_gets_whole_chunks_only(void **state)
{
    uint64_t *at = (uint64_t *)(void *)(fake_user + FAKE_USER_BYTES) - 40;

    (void)state;
    memset(at, 0, 40 * sizeof(*at));
    alloc(&alice, 60);                  /* so that nothing needs clearing below */
    for (unsigned i = 0; i < 60; i++)
        list[i] &= ~AEG_FRAME_ZERO;
    expect(OK, frame_free, 0, USER_AT(list), 60);
    expect(BAD_ADDRESS, frame_alloc, alice.account, 0, 0, 64, USER_AT(at));
    assert_int_equal(value, 32);
}

static void
a_vector_that_cannot_be_written_allocates_nothing(void **state)
{
    (void)state;
    machine.read_only_from = FRAME_SIZE;
    memset(fake_user + FRAME_SIZE, 0, 64);
    expect(BAD_ADDRESS, frame_alloc, alice.account, 0, 0, 4, USER_AT(fake_user + FRAME_SIZE));
    assert_int_equal(value, 0);
}

static void
an_account_takes_as_many_as_its_limit(void **state)
{
    uint64_t left = ACTOR_FRAMES - account_find(alice.account)->used[AEG_KIND_FRAME];

    (void)state;
    while (left > 0) {
        unsigned n = MIN(left, 16);
        memset(list, 0, 17 * sizeof(*list));
        int err = call(frame_alloc, alice.account, 0, 0, n, USER_AT(list));
        assert_true(err == AEG_OK);
        left -= n;
    }
    list[0] = 0;
    expect(LIMIT, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
}

static void
the_machine_runs_out_of_frames(void **state)
{
    (void)state;
    act_as(&root);
    for (;;) {
        memset(list, 0, 16 * sizeof(*list));
        int err = call(frame_alloc, root.account, 0, 0, 16, USER_AT(list));
        for (unsigned i = 0; i < value; i++)
            frame_at(list[i] & ~AEG_FRAME_ZERO)->reserved = 0xfe;       /* to find them again */
        if (err == AEG_ERR_NOMEM)
            break;
        assert_int_equal(err, AEG_OK);
    }
    assert_int_equal(info->frames_free, account_find(root.account)->promised[AEG_KIND_FRAME]);
    walk();
    for (aeg_frame_t f = 1; f < frame_count; f++) {
        if (frame_at(f)->reserved != 0xfe)
            continue;
        frame_at(f)->reserved = 0;
        list[0] = f;
        expect(OK, frame_free, 0, USER_AT(list), 1);
    }
}

static void
freeing_checks_capability_frame_and_state(void **state)
{
    aeg_frame_t frame = new_frame(&alice);

    (void)state;
    list[0] = frame;
    expect(CAP_INDEX, frame_free, 9, USER_AT(list), 1);
    expect(VECTOR, frame_free, 0, USER_AT(list), AEG_VECTOR_MAX + 1);
    expect(BAD_ADDRESS, frame_free, 0, WILD, 1);
    expect(OK, frame_free, 0, USER_AT(list), 1);
    expect(FRAME_FREE, frame_free, 0, USER_AT(list), 1);
    list[0] = frame_count;
    expect(FRAME, frame_free, 0, USER_AT(list), 1);
    list[0] = 0;
    expect(FRAME, frame_free, 0, USER_AT(list), 1);
    list[0] = bob.uenv;
    expect(CAP_DENIED, frame_free, 0, USER_AT(list), 1);
    list[0] = alice.pml4;
    expect(FRAME_NODE, frame_free, 0, USER_AT(list), 1);
    assert_int_equal(value, 0);
}

static void
freeing_needs_the_write_right(void **state)
{
    (void)state;
    list[0] = new_frame(&alice);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL & ~AEG_RIGHT_WRITE);
    uint32_t cap = value;
    expect(OK, frame_guard, 0, cap, USER_AT(list), 1);
    expect(CAP_DENIED, frame_free, cap, USER_AT(list), 1);
    expect(OK, frame_free, 0, USER_AT(list), 1);
}

static void
a_bad_frame_in_the_middle_stops_freeing_there(void **state)
{
    (void)state;
    alloc(&alice, 9);
    uint64_t saved = list[4];
    list[4] = bob.uenv;
    expect(CAP_DENIED, frame_free, 0, USER_AT(list), 9);
    assert_int_equal(value, 4);
    assert_int_equal(frame_at(list[3] & ~AEG_FRAME_ZERO)->type, AEG_FRAME_FREE);
    assert_int_equal(frame_at(list[5] & ~AEG_FRAME_ZERO)->type, AEG_FRAME_PLAIN);
    assert_int_equal(frame_at(saved & ~AEG_FRAME_ZERO)->type, AEG_FRAME_PLAIN);
}

static void
a_frame_twice_in_a_vector_is_freed_once(void **state)
{
    (void)state;
    list[0] = list[1] = new_frame(&alice);
    expect(FRAME_FREE, frame_free, 0, USER_AT(list), 2);
    assert_int_equal(value, 1);
}

static void
a_frame_freed_while_mapped_is_an_orphan_until_its_last_reference(void **state)
{
    uint64_t used;
    aeg_frame_t frame;

    (void)state;
    new_path(&alice, 0x200000);
    frame = new_frame(&alice);
    used = account_find(alice.account)->used[AEG_KIND_FRAME];
    assert_int_equal(set_pte(&alice, 0x200000, pte_of(frame, AEG_PTE_W)), AEG_OK);
    assert_int_equal(set_pte(&alice, 0x201000, pte_of(frame, AEG_PTE_W)), AEG_OK);
    list[0] = frame;
    expect(OK, frame_free, 0, USER_AT(list), 1);
    assert_int_equal(frame_at(frame)->type, AEG_FRAME_ORPHAN);
    expect(FRAME_FREE, frame_free, 0, USER_AT(list), 1);
    expect(FRAME_FREE, frame_guard, 0, 0, USER_AT(list), 1);
    expect(FRAME_BUSY, frame_alloc, alice.account, 0, 0, 1, USER_AT(list));
    assert_int_equal(set_pte(&alice, 0x202000, pte_of(frame, 0)), AEG_ERR_FRAME_FREE);
    expect(FRAME_FREE, pt_attach, alice.space_id, 0, 0x400000, 1, frame);
    assert_int_equal(account_find(alice.account)->used[AEG_KIND_FRAME], used);
    walk();
    assert_int_equal(set_pte(&alice, 0x200000, 0), AEG_OK);
    assert_int_equal(frame_at(frame)->type, AEG_FRAME_ORPHAN);
    assert_int_equal(set_pte(&alice, 0x201000, 0), AEG_OK);
    assert_int_equal(frame_at(frame)->type, AEG_FRAME_FREE);
    assert_int_equal(account_find(alice.account)->used[AEG_KIND_FRAME], used - 1);
}

static void
a_new_guard_takes_the_frame_from_those_who_do_not_dominate_it(void **state)
{
    (void)state;
    list[0] = new_frame(&alice);
    expect(OK, cap_forge, 0, 0, AEG_RIGHT_ALL);
    uint32_t cap = value;
    expect(OK, frame_guard, 0, cap, USER_AT(list), 1);
    assert_true(frame_at(list[0])->guard.lo == cap_at(cap)->name.lo);
    expect(OK, cap_forge, 0, 8, AEG_RIGHT_ALL);
    expect(CAP_DENIED, frame_guard, value, cap, USER_AT(list), 1);
    expect(OK, frame_guard, cap, 0, USER_AT(list), 1);      /* whoever has CONTROL may name it anew */
    expect(CAP_DENIED, frame_guard, cap, 0, USER_AT(list), 1);
}

static void
guarding_checks_capabilities_length_and_address(void **state)
{
    (void)state;
    list[0] = new_frame(&alice);
    expect(CAP_INDEX, frame_guard, 9, 0, USER_AT(list), 1);
    expect(CAP_INDEX, frame_guard, 0, 9, USER_AT(list), 1);
    expect(VECTOR, frame_guard, 0, 0, USER_AT(list), AEG_VECTOR_MAX + 1);
    expect(BAD_ADDRESS, frame_guard, 0, 0, USER_END, 1);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL & ~AEG_RIGHT_CONTROL);
    expect(CAP_DENIED, frame_guard, value, 0, USER_AT(list), 1);
    list[0] = bob.pml4;
    expect(CAP_DENIED, frame_guard, 0, 0, USER_AT(list), 1);
    list[0] = 1;
    expect(FRAME, frame_guard, 0, 0, USER_AT(list), 1);
}

static void
binding_for_a_device_takes_a_reference(void **state)
{
    aeg_frame_t frame = new_frame(&alice);
    struct aeg_cap cap = *cap_at(0), bobs = bob.space->cap[0];

    (void)state;
    assert_int_equal(frame_bind(frame, &cap, AEG_RIGHT_READ), AEG_OK);
    assert_int_equal(frame_at(frame)->refs, 1);
    assert_int_equal(frame_bind(frame, &bobs, AEG_RIGHT_READ), AEG_ERR_CAP_DENIED);
    assert_int_equal(frame_bind(alice.pml4, &cap, AEG_RIGHT_READ), AEG_ERR_FRAME_NODE);
    assert_int_equal(frame_bind(alice.save, &cap, AEG_RIGHT_READ), AEG_ERR_FRAME_BUSY);
    assert_int_equal(frame_bind(frame_count, &cap, AEG_RIGHT_READ), AEG_ERR_FRAME);
    assert_int_equal(frame_bind(UINT64_MAX, &cap, AEG_RIGHT_READ), AEG_ERR_FRAME);
    list[0] = frame;
    expect(OK, frame_free, 0, USER_AT(list), 1);
    assert_int_equal(frame_bind(frame, &cap, AEG_RIGHT_READ), AEG_ERR_FRAME_FREE);
    frame_unbind(frame);
    assert_int_equal(frame_at(frame)->type, AEG_FRAME_FREE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_come_guarded_charged_and_plain),
        TEST(a_frame_of_another_account_is_cleared_first),
        TEST(a_frame_of_the_same_account_recycles_as_it_is_and_says_so),
        TEST(an_account_that_inherits_a_place_in_the_table_does_not_inherit_what_frames_held),
        TEST(clearing_is_bounded_and_says_how_far_it_came),
        TEST(a_caller_may_name_the_frame_it_wants),
        TEST(naming_a_frame_that_is_no_memory_is_refused),
        TEST(a_bad_wish_in_the_middle_stops_there_and_loses_nothing),
        TEST(allocation_checks_account_capability_guard_length_and_address),
        TEST(a_vector_that_leaves_the_users_memory_gets_whole_chunks_only),
        TEST(a_vector_that_cannot_be_written_allocates_nothing),
        TEST(an_account_takes_as_many_as_its_limit),
        TEST(the_machine_runs_out_of_frames),
        TEST(freeing_checks_capability_frame_and_state),
        TEST(freeing_needs_the_write_right),
        TEST(a_bad_frame_in_the_middle_stops_freeing_there),
        TEST(a_frame_twice_in_a_vector_is_freed_once),
        TEST(a_frame_freed_while_mapped_is_an_orphan_until_its_last_reference),
        TEST(a_new_guard_takes_the_frame_from_those_who_do_not_dominate_it),
        TEST(guarding_checks_capabilities_length_and_address),
        TEST(binding_for_a_device_takes_a_reference),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
