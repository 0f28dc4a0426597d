/* env_test.c: making and ending envs; yield, wait and notify. */
#include <string.h>

#include "world.h"

static struct aeg_env_args *const args = (struct aeg_env_args *)(void *)fake_user;

static void
good_args(void)
{
    aeg_frame_t uenv = new_frame(&alice), save = new_frame(&alice);

    memset(frame_map(uenv), 0, FRAME_SIZE);
    *args = (struct aeg_env_args){ .uenv_frame = uenv, .save_frame = save, .uenv_va = 0x10000, .fs_base = 0x20000, .rip = 0x400000,
                                   .rsp = 0x7ff0, .arg = { 11, 22 } };
}

static int
create(void)
{
    return call(env_create, alice.account, 0, 0, alice.space_id, USER_AT(args));
}

/* ---- making ---- */

static void
a_new_env_is_ready_and_starts_where_it_was_told(void **state)
{
    struct env *e;

    (void)state;
    good_args();
    assert_int_equal(create(), AEG_OK);
    e = env_find(value);
    assert_int_equal(e->state, AEG_ENV_READY);
    assert_true(e->uenv->env_id == e->id);
    assert_true(e->info->space == alice.space_id);
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    assert_int_equal(machine.left_by, LEFT_CALL);
    assert_int_equal(machine.resumed->rip, 0x400000);
    assert_int_equal(machine.resumed->rsp, 0x7ff0);
    assert_int_equal(machine.resumed->rdi, 11);
    assert_int_equal(machine.resumed->rsi, 22);
    assert_int_equal(machine.resumed->rflags, 0x202);
    assert_int_equal(machine.fs_base, 0x20000);
    assert_int_equal(machine.gs_base, 0x10000);
    assert_true(machine.loaded == alice.pml4 << FRAME_SHIFT);
}

static void
the_controller_is_whom_the_maker_names_and_may_write(void **state)
{
    aeg_id_t other;

    (void)state;
    other = new_env(&alice)->id;
    good_args();
    args->controller = bob.env_id;
    assert_int_equal(create(), AEG_ERR_CAP_DENIED);
    args->controller = AEG_ID(5, 77);
    assert_int_equal(create(), AEG_ERR_ENV);
    args->controller = other;
    assert_int_equal(create(), AEG_OK);
    assert_true(env_find(value)->info->controller == other);
}

static void
creating_checks_account_capabilities_and_space(void **state)
{
    (void)state;
    good_args();
    expect(ACCOUNT, env_create, 0, 0, 0, alice.space_id, USER_AT(args));
    expect(CAP_INDEX, env_create, alice.account, 9, 0, alice.space_id, USER_AT(args));
    expect(CAP_INDEX, env_create, alice.account, 0, 9, alice.space_id, USER_AT(args));
    expect(SPACE, env_create, alice.account, 0, 0, 0, USER_AT(args));
    expect(SPACE, env_create, alice.account, 0, 0, alice.space_id + (1ull << 32), USER_AT(args));
    expect(CAP_DENIED, env_create, alice.account, 0, 0, bob.space_id, USER_AT(args));
    expect(CAP_DENIED, env_create, bob.account, 0, 0, alice.space_id, USER_AT(args));
    expect(BAD_ADDRESS, env_create, alice.account, 0, 0, alice.space_id, WILD);
    expect(BAD_ADDRESS, env_create, alice.account, 0, 0, alice.space_id, USER_END - 8);
}

static void
addresses_that_are_not_the_users_are_refused(void **state)
{
    static const uint64_t bad[] = { AEG_USER_TOP, 1ull << 47, 0xffff800000000000ull, UINT64_MAX, 1ull << 63 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        good_args();
        args->rip = bad[i];
        assert_int_equal(create(), AEG_ERR_UENV);
        good_args();
        args->rsp = bad[i];
        assert_int_equal(create(), AEG_ERR_UENV);
        good_args();
        args->uenv_va = bad[i];
        assert_int_equal(create(), AEG_ERR_UENV);
        good_args();
        args->fs_base = bad[i];
        assert_int_equal(create(), AEG_ERR_UENV);
    }
}

static void
its_frames_must_be_plain_ones_own_and_not_pinned(void **state)
{
    (void)state;
    good_args();
    args->save_frame = args->uenv_frame;
    assert_int_equal(create(), AEG_ERR_FRAME_BUSY);
    good_args();
    args->uenv_frame = alice.uenv;
    assert_int_equal(create(), AEG_ERR_FRAME_BUSY);
    good_args();
    args->uenv_frame = alice.save;
    assert_int_equal(create(), AEG_ERR_FRAME_BUSY);
    good_args();
    args->save_frame = alice.save;
    assert_int_equal(create(), AEG_ERR_FRAME_BUSY);
    good_args();
    args->save_frame = alice.uenv;
    assert_int_equal(create(), AEG_ERR_FRAME_BUSY);
    good_args();
    args->uenv_frame = alice.pml4;
    assert_int_equal(create(), AEG_ERR_FRAME_NODE);
    good_args();
    args->save_frame = alice.pml4;
    assert_int_equal(create(), AEG_ERR_FRAME_NODE);
    good_args();
    args->uenv_frame = frame_count;
    assert_int_equal(create(), AEG_ERR_FRAME);
    good_args();
    args->save_frame = UINT64_MAX;
    assert_int_equal(create(), AEG_ERR_FRAME);
    good_args();
    args->save_frame = bob.uenv;
    assert_int_equal(create(), AEG_ERR_CAP_DENIED);
    good_args();
    uint64_t list = args->uenv_frame;
    USER_WORDS[100] = list;
    expect(OK, frame_free, 0, USER_AT(&USER_WORDS[100]), 1);
    assert_int_equal(create(), AEG_ERR_FRAME_FREE);
}

static void
a_mapped_frame_is_no_save_frame(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, 0);
    assert_int_equal(set_pte(&alice, 0, pte_of(f, AEG_PTE_W)), AEG_OK);
    good_args();
    args->save_frame = f;
    assert_int_equal(create(), AEG_ERR_FRAME_BUSY);
    good_args();
    args->uenv_frame = f;               /* as a UENV it is just what is wanted */
    assert_int_equal(create(), AEG_OK);
}

static void
a_place_whose_ids_are_used_up_stays_empty(void **state)
{
    struct env *e = new_env(&alice), *next;
    uint32_t generation = e->next_generation;

    (void)state;
    expect(OK, env_destroy, e->id, 0);
    e->next_generation = UINT32_MAX;
    next = new_env(&alice);
    assert_ptr_not_equal(next, e);
    e->next_generation = generation;
}

static void
nothing_of_what_lay_in_a_save_frame_is_left(void **state)
{
    static const uint8_t zeroes[FRAME_SIZE];

    (void)state;
    good_args();
    memset(frame_map(args->save_frame), 0xff, FRAME_SIZE);
    assert_int_equal(create(), AEG_OK);
    assert_memory_equal(frame_map(args->save_frame), zeroes, FRAME_SIZE);
}

static void
a_save_frame_is_mapped_by_nobody_until_its_env_ends(void **state)
{
    struct env *e = new_env(&alice);
    aeg_frame_t save = e->save_frame;

    (void)state;
    new_path(&alice, 0);
    assert_int_equal(set_pte(&alice, 0, pte_of(save, AEG_PTE_W)), AEG_ERR_FRAME_BUSY);
    assert_int_equal(set_pte(&alice, 0, pte_of(save, 0)), AEG_ERR_FRAME_BUSY);
    expect(FRAME_BUSY, pt_attach, alice.space_id, 0, 0x200000, 1, save);
    expect(OK, env_destroy, e->id, 0);
    assert_int_equal(set_pte(&alice, 0, pte_of(save, AEG_PTE_W)), AEG_OK);
}

static void
pinned_frames_freed_early_go_with_the_env(void **state)
{
    struct env *e = new_env(&alice);
    aeg_frame_t uenv = e->uenv_frame, save = e->save_frame;

    (void)state;
    USER_WORDS[0] = uenv;
    USER_WORDS[1] = save;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 2);
    assert_int_equal(frame_at(uenv)->type, AEG_FRAME_ORPHAN);
    walk();
    expect(OK, env_destroy, e->id, 0);
    assert_int_equal(frame_at(uenv)->type, AEG_FRAME_FREE);
    assert_int_equal(frame_at(save)->type, AEG_FRAME_FREE);
}

static void
envs_are_charged_and_limited(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 20; i++)
        new_env(&alice);
    good_args();
    assert_int_equal(create(), AEG_ERR_LIMIT);
    assert_int_equal(frame_at(args->uenv_frame)->refs, 0);
    assert_int_equal(frame_at(args->save_frame)->type, AEG_FRAME_PLAIN);
}

static void
the_table_of_envs_is_full_at_its_bound(void **state)
{
    static aeg_frame_t frames[2 * ENV_MAX];
    unsigned n = 0;

    (void)state;
    act_as(&root);
    for (unsigned i = 1 + 2 * 20; i < ENV_MAX; i++) {      /* alice's and bob's guarantees are not for root */
        struct env *e = new_env(&root);
        frames[n++] = e->uenv_frame;
        frames[n++] = e->save_frame;
    }
    frames[n++] = new_frame(&root);
    frames[n++] = new_frame(&root);
    *args = (struct aeg_env_args){ .uenv_frame = frames[n - 2], .save_frame = frames[n - 1] };
    expect(NOMEM, env_create, root.account, 0, 0, root.space_id, USER_AT(args));
    walk();
    for (unsigned i = 0; i < ENV_MAX; i++)
        if (env_table()[i].id != 0 && env_table() + i != root.env && env_table() + i != alice.env && env_table() + i != bob.env)
            expect(OK, env_destroy, env_table()[i].id, 0);
    for (unsigned i = 0; i < n; i++) {
        USER_WORDS[0] = frames[i];
        expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    }
}

/* ---- ending ---- */

static void
ending_checks_id_and_capability(void **state)
{
    (void)state;
    expect(ENV, env_destroy, 0, 0);
    expect(ENV, env_destroy, alice.env_id + (1ull << 32), 0);
    expect(ENV, env_destroy, AEG_ID(ENV_MAX, 1), 0);
    expect(CAP_DENIED, env_destroy, bob.env_id, 0);
    expect(CAP_INDEX, env_destroy, alice.env_id, 9);
    expect(NOT_READY, env_destroy, alice.env_id, 0);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL);
    expect(CAP_DENIED, env_destroy, new_env(&alice)->id, 1);
}

static void
an_ended_envs_id_is_stale(void **state)
{
    struct env *e = new_env(&alice);
    aeg_id_t id = e->id;

    (void)state;
    expect(OK, env_destroy, id, 0);
    expect(ENV, env_destroy, id, 0);
    expect(ENV, notify, id, 0, 1);
    expect(ENV, yield, id, 0);
    expect(ENV, wait, 1, UINT64_MAX, id, 0);
    assert_ptr_equal(new_env(&alice), e);
    assert_true(e->id != id);
    expect(ENV, env_destroy, id, 0);
    env_notify(id, 1);                  /* from a device: nothing happens */
    assert_int_equal(e->uenv->notify, 0);
}

/* ---- yield ---- */

static void
a_yield_comes_back_where_it_left(void **state)
{
    struct env *e = new_env(&alice);

    (void)state;
    machine.fs_base = 0x777000;
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    assert_int_equal(call(yield, alice.env_id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(machine.resumed->rip, 0x401000);
    assert_int_equal(machine.resumed->rsp, 0x7000);
    assert_int_equal(machine.resumed->rbx, 0xb0);
    assert_int_equal(machine.resumed->r15, 0x15);
    assert_int_equal(machine.resumed->rax, AEG_OK);
    assert_int_equal(machine.resumed->rdx, 0);
    assert_int_equal(machine.fs_base, 0x777000);
    assert_int_equal(machine.gs_base, alice.env->uenv_va);
}

static void
what_segment_registers_select_stays_in_its_space(void **state)
{
    struct env *neighbour = new_env(&alice);
    uint32_t cap = lend(&bob, &alice, AEG_RIGHT_WRITE);

    (void)state;
    machine.selectors_cleared = 0;
    assert_int_equal(call(yield, neighbour->id, 0), SWITCHED);
    assert_int_equal(machine.selectors_cleared, 0);
    assert_int_equal(call(yield, bob.env_id, cap), SWITCHED);
    assert_int_equal(machine.selectors_cleared, 1);
}

static void
yielding_checks_the_target(void **state)
{
    struct env *e = new_env(&alice);

    (void)state;
    expect(ENV, yield, AEG_ID(5, 77), 0);
    expect(CAP_DENIED, yield, bob.env_id, 0);
    expect(CAP_INDEX, yield, e->id, 9);
    expect(OK, yield, alice.env_id, 0);         /* to oneself: nothing to do */
    env_set_state(e, AEG_ENV_STOPPED);
    expect(NOT_READY, yield, e->id, 0);
    env_set_state(e, AEG_ENV_WAITING);
    expect(NOT_READY, yield, e->id, 0);
    env_set_state(e, AEG_ENV_READY);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_READ);
    expect(CAP_DENIED, yield, e->id, value);
}

/* ---- wait and notify ---- */

static void
a_bit_that_is_set_already_is_not_waited_for(void **state)
{
    (void)state;
    expect(OK, notify, alice.env_id, 0, 0x14);
    expect(OK, wait, 0x4, AEG_WAIT_FOREVER, 0, 0);
    assert_int_equal(value, 0x4);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    expect(OK, wait, 0x10, AEG_WAIT_FOREVER, 0, 0);     /* sticky */
    assert_int_equal(value, 0x10);
}

static void
a_deadline_that_has_passed_does_not_sleep(void **state)
{
    (void)state;
    expect(TIMEOUT, wait, 0x4, machine.now_ns, 0, 0);
    expect(TIMEOUT, wait, 0x4, 0, 0, 0);
    expect(TIMEOUT, wait, 0, 0, 0, 0);
    assert_int_equal(value, 0);
}

static void
a_notify_wakes_a_waiter_with_its_bits(void **state)
{
    (void)state;
    assert_int_equal(call(wait, 0x6, AEG_WAIT_FOREVER, 0, 0), SWITCHED);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    assert_ptr_not_equal(cpus[0].env, alice.env);
    act_as(&root);
    expect(OK, notify, alice.env_id, 0, 0x8);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);        /* not one of its bits */
    expect(OK, notify, alice.env_id, 0, 0x2);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    assert_int_equal(call(yield, alice.env_id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(machine.resumed->rax, AEG_OK);
    assert_int_equal(machine.resumed->rdx, 0x2);
    assert_int_equal(alice.env->uenv->notify, 0xa);
}

static void
a_deadline_wakes_a_waiter_without_bits(void **state)
{
    uint64_t deadline = machine.now_ns + 5000;

    (void)state;
    assert_int_equal(call(wait, 0x6, deadline, root.env_id, lend(&alice, &alice, AEG_RIGHT_READ)), AEG_ERR_CAP_DENIED);
    assert_int_equal(call(wait, 0x6, deadline, 0, 0), SWITCHED);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    assert_true(env_expire_waits(deadline - 1) <= deadline);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    env_expire_waits(deadline);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    act_as(&root);
    assert_int_equal(call(yield, alice.env_id, 0), SWITCHED);
    assert_int_equal(machine.resumed->rax, AEG_ERR_TIMEOUT);
    assert_int_equal(machine.resumed->rdx, 0);
}

static void
the_timer_is_set_to_the_first_deadline(void **state)
{
    struct env *e = new_env(&alice);
    uint64_t soon = machine.now_ns + 1000;

    (void)state;
    assert_int_equal(call(wait, 0x1, soon, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    assert_true(machine.timer_tsc <= soon);
    assert_int_equal(call(wait, 0x1, soon + 9000, 0, 0), SWITCHED);
    assert_true(machine.timer_tsc <= soon);
}

static void
waiting_yields_to_the_env_named_in_the_same_call(void **state)
{
    struct env *e = new_env(&alice);

    (void)state;
    assert_int_equal(call(wait, 0x1, AEG_WAIT_FOREVER, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
}

static void
a_refused_wait_does_not_sleep(void **state)
{
    (void)state;
    expect(ENV, wait, 1, AEG_WAIT_FOREVER, AEG_ID(3, 99), 0);
    expect(CAP_DENIED, wait, 1, AEG_WAIT_FOREVER, bob.env_id, 0);
    expect(CAP_INDEX, wait, 1, AEG_WAIT_FOREVER, bob.env_id, 9);
    env_set_state(alice.env, AEG_ENV_STOPPED);
    expect(NOT_READY, wait, 1, AEG_WAIT_FOREVER, alice.env_id, 0);
    env_set_state(alice.env, AEG_ENV_READY);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
}

static void
a_stopped_env_stays_stopped_when_notified(void **state)
{
    struct env *e = new_env(&alice);

    (void)state;
    e->wait_mask = ~0ull;
    env_set_state(e, AEG_ENV_STOPPED);
    expect(OK, notify, e->id, 0, ~0ull);
    assert_int_equal(e->state, AEG_ENV_STOPPED);
}

static void
notifying_checks_id_and_capability(void **state)
{
    (void)state;
    expect(ENV, notify, 0, 0, 1);
    expect(CAP_DENIED, notify, bob.env_id, 0, 1);
    expect(CAP_INDEX, notify, alice.env_id, 9, 1);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL);
    expect(CAP_DENIED, notify, alice.env_id, value, 1);
    assert_int_equal(bob.env->uenv->notify, 0);
}

static void
an_env_with_a_notify_entry_gets_it_pending(void **state)
{
    struct env *e = new_env(&alice);

    (void)state;
    expect(OK, notify, e->id, 0, 1);
    assert_int_equal(e->uenv->pending, 0);
    e->uenv->notify_entry = 0x1000;
    expect(OK, notify, e->id, 0, 2);
    assert_int_equal(e->uenv->pending, AEG_PENDING_NOTIFY);
    assert_int_equal(e->uenv->notify, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_env_is_ready_and_starts_where_it_was_told),
        TEST(the_controller_is_whom_the_maker_names_and_may_write),
        TEST(creating_checks_account_capabilities_and_space),
        TEST(addresses_that_are_not_the_users_are_refused),
        TEST(its_frames_must_be_plain_ones_own_and_not_pinned),
        TEST(a_mapped_frame_is_no_save_frame),
        TEST(a_place_whose_ids_are_used_up_stays_empty),
        TEST(nothing_of_what_lay_in_a_save_frame_is_left),
        TEST(a_save_frame_is_mapped_by_nobody_until_its_env_ends),
        TEST(pinned_frames_freed_early_go_with_the_env),
        TEST(envs_are_charged_and_limited),
        TEST(the_table_of_envs_is_full_at_its_bound),
        TEST(ending_checks_id_and_capability),
        TEST(an_ended_envs_id_is_stale),
        TEST(a_yield_comes_back_where_it_left),
        TEST(what_segment_registers_select_stays_in_its_space),
        TEST(yielding_checks_the_target),
        TEST(a_bit_that_is_set_already_is_not_waited_for),
        TEST(a_deadline_that_has_passed_does_not_sleep),
        TEST(a_notify_wakes_a_waiter_with_its_bits),
        TEST(a_deadline_wakes_a_waiter_without_bits),
        TEST(the_timer_is_set_to_the_first_deadline),
        TEST(waiting_yields_to_the_env_named_in_the_same_call),
        TEST(a_refused_wait_does_not_sleep),
        TEST(a_stopped_env_stays_stopped_when_notified),
        TEST(notifying_checks_id_and_capability),
        TEST(an_env_with_a_notify_entry_gets_it_pending),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
