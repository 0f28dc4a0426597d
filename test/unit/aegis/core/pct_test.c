/* pct_test.c: gates: who may enter, what a message carries, and what becomes of a call when either end goes. */
#include <string.h>

#include "world.h"
#include "arch/x86_64/trap.h"

void interrupt_exit(struct trap_frame *tf);

#define GATE 0x700000ull
#define FOREVER AEG_WAIT_FOREVER

static uint32_t to_bob;         /* alice's capability over bob */

static void
wait_in_gate(const struct actor *who)
{
    act_as(who);
    who->env->uenv->gate_entry = GATE;
    assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
    assert_int_equal(who->env->state, AEG_ENV_GATE);
}

/* Bob waits in his gate, alice runs and may enter it. */
static void
bob_serves(void)
{
    to_bob = lend(&bob, &alice, AEG_RIGHT_WRITE);
    wait_in_gate(&bob);
    act_as(&alice);
}

static void
alice_calls(uint64_t deadline_ns)
{
    assert_int_equal(call(pct_call, bob.env_id, to_bob, deadline_ns, 0, 88, 99), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    walk();
}

/* An interrupt `after_ns` from now, in an env that never yields. */
static void
interrupt(uint64_t after_ns)
{
    struct trap_frame tf = { .rip = 0x401234, .cs = SEL_USER_CS, .rflags = 0x202, .rsp = 0x7f00, .ss = SEL_USER_DS };

    machine.now_ns += after_ns;
    machine.armed = true;
    if (setjmp(machine.left) == 0) {
        world_turn();
        sched_timer();
        interrupt_exit(&tf);
    }
    machine.armed = false;
}

static void
stop_running(void)
{
    machine.armed = true;
    if (setjmp(machine.left) == 0)
        env_stop(13, 0x1234, 0x5678);
    machine.armed = false;
}

/* ---- messages ---- */

static void
a_call_enters_the_gate_with_the_message(void **state)
{
    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    assert_int_equal(machine.left_by, LEFT_MESSAGE);
    assert_ptr_equal(machine.resumed, &bob.env->resume);
    assert_int_equal(machine.resumed->rip, GATE);
    assert_int_equal(machine.resumed->rsp, 0x7000);
    assert_int_equal(machine.resumed->rflags, 0x202);
    assert_true(machine.resumed->rdi == alice.env_id);
    assert_int_equal(machine.resumed->rsi, AEG_GATE_CALL);
    assert_int_equal(machine.message[0], 0xb0);
    assert_int_equal(machine.message[1], 0x15);
    assert_int_equal(machine.message[2], 88);
    assert_true(machine.loaded == bob.pml4 << FRAME_SHIFT);
    assert_int_equal(bob.env->state, AEG_ENV_READY);
}

static void
a_reply_goes_back_once(void **state)
{
    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    assert_int_equal(call(pct_reply, 0, 0, 0, 0, 77), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(machine.left_by, LEFT_MESSAGE);
    assert_ptr_equal(machine.resumed, &alice.env->resume);
    assert_int_equal(machine.resumed->rip, 0x401000);
    assert_int_equal(machine.message[2], 77);
    assert_int_equal(bob.env->state, AEG_ENV_READY);
    walk();
    act_as(&bob);
    expect(NOT_READY, pct_reply, 0);
}

static void
a_reply_and_the_next_wait_are_one_call(void **state)
{
    (void)state;
    bob_serves();
    for (unsigned i = 0; i < 3; i++) {
        alice_calls(FOREVER);
        assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
        assert_ptr_equal(cpus[0].env, alice.env);
        assert_int_equal(machine.left_by, LEFT_MESSAGE);
        assert_int_equal(bob.env->state, AEG_ENV_GATE);
        walk();
    }
}

static void
a_sent_message_has_no_caller_and_the_sender_stays_ready(void **state)
{
    (void)state;
    bob_serves();
    assert_int_equal(call(pct_send, bob.env_id, to_bob), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(machine.left_by, LEFT_MESSAGE);
    assert_int_equal(machine.resumed->rsi, AEG_GATE_SEND);
    assert_true(machine.resumed->rdi == alice.env_id);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    walk();
    expect(NOT_READY, pct_reply, 0);
    assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
    act_as(&bob);
    env_notify(bob.env_id, 1);              /* of no bit that it waits for */
    act_as(&alice);
    assert_int_equal(bob.env->state, AEG_ENV_GATE);
}

/* Alice alone has slices, and lends them to `e`. */
static struct env *
alice_lends_her_slices(void)
{
    struct env *e;

    act_as(&root);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        expect(OK, slice_set, 0, p, p == 0 ? alice.env_id : 0, 0);
    cpus[0].in_grace = true;            /* the rest of the running slice is not worth going on with */
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    e = new_env(&alice);
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    return e;
}

static void
a_sent_message_gives_the_rest_of_the_slice_and_no_more(void **state)
{
    struct env *sender;

    (void)state;
    bob_serves();
    sender = alice_lends_her_slices();
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(call(pct_send, bob.env_id, to_bob), SWITCHED);
        assert_ptr_equal(cpus[0].env, bob.env);
        assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
        assert_ptr_equal(cpus[0].env, sender);      /* what bob left of it */
    }
    assert_int_equal(call(pct_send, bob.env_id, to_bob), SWITCHED);
    interrupt(5000000);
    assert_ptr_equal(cpus[0].env, sender);          /* the next slice, though bob would go on */
    assert_int_equal(bob.env->state, AEG_ENV_READY);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
}

static void
a_gate_comes_back_with_a_notification_or_at_the_deadline(void **state)
{
    uint64_t soon = machine.now_ns + 500;

    (void)state;
    act_as(&bob);
    bob.env->uenv->notify = 6;
    expect(OK, pct_reply_wait, 4, FOREVER);
    assert_int_equal(value, 4);
    expect(TIMEOUT, pct_reply_wait, 8, machine.now_ns);
    assert_int_equal(call(pct_reply_wait, 8, soon), SWITCHED);
    env_notify(bob.env_id, 8);
    assert_int_equal(bob.env->state, AEG_ENV_READY);
    act_as(&root);
    assert_int_equal(call(yield, bob.env_id, 0), SWITCHED);
    assert_int_equal(machine.resumed->rax, AEG_OK);
    assert_int_equal(machine.resumed->rdx, 8);
    assert_int_equal(call(pct_reply_wait, 1, soon), SWITCHED);
    machine.now_ns = soon;
    env_expire_waits(soon);
    assert_int_equal(bob.env->state, AEG_ENV_READY);
    act_as(&root);
    assert_int_equal(call(yield, bob.env_id, 0), SWITCHED);
    assert_int_equal(machine.resumed->rax, AEG_ERR_TIMEOUT);
}

/* The reply goes out though the callee itself comes back at once. */
static void
a_callee_with_a_notification_replies_and_stays_ready(void **state)
{
    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    bob.env->uenv->notify = 2;
    assert_int_equal(call(pct_reply_wait, 2, FOREVER), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(bob.env->state, AEG_ENV_READY);
    expect(NOT_READY, pct_call, bob.env_id, to_bob, FOREVER);
    walk();
}

/* ---- who may, and when ---- */

static void
entering_checks_env_capability_and_state(void **state)
{
    static const enum aeg_sys both[] = { AEG_SYS_pct_call, AEG_SYS_pct_send };
    uint32_t read_only = lend(&bob, &alice, AEG_RIGHT_READ);

    (void)state;
    bob_serves();
    for (unsigned i = 0; i < 2; i++) {
        uint64_t args[6] = { bob.env_id + (1ull << 32), to_bob, FOREVER };
        assert_int_equal(call_args(both[i], args), AEG_ERR_ENV);
        args[0] = 0;
        assert_int_equal(call_args(both[i], args), AEG_ERR_ENV);
        args[0] = bob.env_id, args[1] = 31;
        assert_int_equal(call_args(both[i], args), AEG_ERR_CAP_INDEX);
        args[1] = 0;
        assert_int_equal(call_args(both[i], args), AEG_ERR_CAP_DENIED);
        args[1] = read_only;
        assert_int_equal(call_args(both[i], args), AEG_ERR_CAP_DENIED);
        args[0] = alice.env_id, args[1] = 0;
        assert_int_equal(call_args(both[i], args), AEG_ERR_NOT_READY);
        args[0] = new_env(&alice)->id;
        assert_int_equal(call_args(both[i], args), AEG_ERR_NOT_READY);
    }
    expect(TIMEOUT, pct_call, bob.env_id, to_bob, machine.now_ns);
    assert_int_equal(bob.env->state, AEG_ENV_GATE);
    walk();
}

static void
a_lie_about_the_gate_is_the_callers_error_alone(void **state)
{
    static const uint64_t bad[] = { 0, AEG_USER_TOP, 1ull << 47, 0xffff800000000000ull, UINT64_MAX };

    (void)state;
    bob_serves();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        bob.env->uenv->gate_entry = bad[i];
        expect(UENV, pct_call, bob.env_id, to_bob, FOREVER);
        expect(UENV, pct_send, bob.env_id, to_bob);
        assert_int_equal(bob.env->state, AEG_ENV_GATE);
    }
}

static void
a_gate_guard_lets_enter_and_nothing_else(void **state)
{
    uint64_t mine, theirs;

    (void)state;
    act_as(&bob);
    expect(CAP_INDEX, gate_open, 9);
    expect(OK, cap_forge, 0, 0x77, AEG_RIGHT_ALL);
    mine = value;
    expect(OK, gate_open, mine);
    act_as(&root);
    expect(OK, cap_forge, 0, bob.component, AEG_RIGHT_ALL);
    expect(OK, cap_forge, value, 0x77, AEG_RIGHT_WRITE | AEG_RIGHT_GRANT);
    expect(OK, cap_grant, value, alice.space_id, 0, AEG_RIGHT_WRITE);
    theirs = value;
    wait_in_gate(&bob);
    act_as(&alice);
    expect(CAP_DENIED, notify, bob.env_id, theirs, 1);
    expect(CAP_DENIED, env_destroy, bob.env_id, theirs);
    assert_int_equal(call(pct_call, bob.env_id, theirs, FOREVER), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
    act_as(&alice);
    to_bob = lend(&bob, &alice, AEG_RIGHT_WRITE);
    assert_int_equal(call(pct_send, bob.env_id, to_bob), SWITCHED);
}

/* ---- ends ---- */

static void
a_callee_that_keeps_the_cpu_gives_it_back_after_the_deadline(void **state)
{
    (void)state;
    bob_serves();
    act_as(&root);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        expect(OK, slice_set, 0, p, p == 0 ? alice.env_id : 0, 0);
    cpus[0].in_grace = true;            /* the rest of the running slice is not worth going on with */
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    alice_calls(machine.now_ns + 1000);
    for (unsigned i = 0; i < 4; i++)
        interrupt(5000000);             /* a slice each, or more than a grace */
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(alice.env->resume.rax, AEG_ERR_TIMEOUT);
}

static void
at_the_deadline_the_caller_goes_on_and_the_reply_is_dropped(void **state)
{
    uint64_t soon = machine.now_ns + 700;

    (void)state;
    bob_serves();
    alice_calls(soon);
    assert_true(machine.timer_tsc <= soon);
    env_notify(alice.env_id, ~0ull);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    machine.now_ns = soon;
    env_expire_waits(soon);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    assert_int_equal(alice.env->resume.rax, AEG_ERR_TIMEOUT);
    walk();
    expect(DEAD, pct_reply, 0);
    expect(NOT_READY, pct_reply, 0);
    walk();
}

static void
a_reply_never_reaches_a_later_call(void **state)
{
    struct env *other;
    uint64_t soon = machine.now_ns + 700;

    (void)state;
    bob_serves();
    alice_calls(soon);
    machine.now_ns = soon;
    env_expire_waits(soon);
    act_as(&alice);
    other = new_env(&alice);
    other->uenv->gate_entry = GATE;
    assert_int_equal(call(yield, other->id, 0), SWITCHED);
    assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
    act_as(&alice);
    assert_int_equal(call(pct_call, other->id, 0, FOREVER), SWITCHED);
    act_as(&bob);
    expect(DEAD, pct_reply, 0);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    assert_true(alice.env->pct_callee == other->id);
    walk();
}

/* What the caller gets for the pct_call in which it waited. */
static aeg_err_t
call_came_back(const struct actor *caller)
{
    asserted_call(sys_pct_call, caller->env->resume.rax);
    return caller->env->resume.rax;
}

static void
a_callee_that_ends_gives_its_caller_an_error(void **state)
{
    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    act_as(&root);
    expect(OK, env_destroy, bob.env_id, 0);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    assert_int_equal(call_came_back(&alice), AEG_ERR_DEAD);
    assert_int_equal(alice.env->resume.rbx, 0);
    walk();
    act_as(&alice);
    expect(ENV, pct_call, bob.env_id, to_bob, FOREVER);
}

static void
a_callee_whose_space_ends_gives_its_caller_an_error(void **state)
{
    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    act_as(&root);
    destroy_space(bob.space_id, 0);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    assert_int_equal(alice.env->resume.rax, AEG_ERR_DEAD);
    walk();
}

static void
a_callee_that_stops_gives_its_caller_an_error(void **state)
{
    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    stop_running();
    assert_int_equal(bob.env->state, AEG_ENV_STOPPED);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    assert_int_equal(alice.env->resume.rax, AEG_ERR_DEAD);
    walk();
}

static void
an_env_that_ends_in_its_gate_is_no_longer_there(void **state)
{
    (void)state;
    bob_serves();
    act_as(&root);
    expect(OK, env_destroy, bob.env_id, 0);
    walk();
    act_as(&alice);
    expect(ENV, pct_call, bob.env_id, to_bob, FOREVER);
}

static void
a_caller_that_ends_leaves_the_callee_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bob_serves();
        alice_calls(FOREVER);
        act_as(&root);
        expect(OK, env_destroy, alice.env_id, 0);
        walk();
        act_as(&bob);
        if (i == 0)
            expect(DEAD, pct_reply, 0);
        else
            assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
        walk();
        world_end(state);
        world_make(state);
    }
}

/* The id's place in the table is another env's now. */
static void
the_callers_successor_gets_no_reply(void **state)
{
    struct env *caller, *successor;

    (void)state;
    bob_serves();
    caller = new_env(&alice);
    assert_int_equal(call(yield, caller->id, 0), SWITCHED);
    assert_int_equal(call(pct_call, bob.env_id, to_bob, FOREVER), SWITCHED);
    act_as(&root);
    expect(OK, env_destroy, caller->id, 0);
    act_as(&alice);
    successor = new_env(&alice);
    assert_ptr_equal(successor, caller);
    act_as(&bob);
    expect(DEAD, pct_reply, 0);
    assert_int_equal(successor->state, AEG_ENV_READY);
    walk();
}

static void
in_a_chain_each_end_hurts_only_its_neighbour(void **state)
{
    struct env *last;

    (void)state;
    bob_serves();
    alice_calls(FOREVER);
    last = new_env(&bob);
    last->uenv->gate_entry = GATE;
    assert_int_equal(call(yield, last->id, 0), SWITCHED);
    assert_int_equal(call(pct_reply_wait, 0, FOREVER), SWITCHED);
    act_as(&bob);
    assert_int_equal(call(pct_call, last->id, 0, FOREVER), SWITCHED);
    assert_ptr_equal(cpus[0].env, last);
    assert_ptr_equal(pct_last(alice.env), last);
    walk();
    act_as(&root);
    expect(OK, env_destroy, last->id, 0);
    assert_int_equal(bob.env->resume.rax, AEG_ERR_DEAD);
    assert_int_equal(bob.env->state, AEG_ENV_READY);
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    walk();
    act_as(&bob);
    assert_int_equal(call(pct_reply, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
}

/* ---- the slice ---- */

static void
a_call_runs_on_the_callers_slice_even_after_the_callee_slept(void **state)
{
    uint64_t end;

    (void)state;
    bob_serves();
    act_as(&root);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        expect(OK, slice_set, 0, p, p % 2 ? alice.env_id : root.env_id, 0);
    cpus[0].in_grace = true;
    cpus[0].position = 0;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    end = cpus[0].slice_end_tsc;
    machine.now_ns += 1000;
    alice_calls(FOREVER);
    assert_true(cpus[0].slice_end_tsc == end);
    assert_int_equal(call(wait, 1, FOREVER, 0, 0), SWITCHED);       /* bob sleeps with the call in hand */
    assert_ptr_equal(cpus[0].env, root.env);
    env_notify(bob.env_id, 1);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);                         /* at alice's position */
    assert_int_equal(call(pct_reply, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_enters_the_gate_with_the_message),
        TEST(a_reply_goes_back_once),
        TEST(a_reply_and_the_next_wait_are_one_call),
        TEST(a_sent_message_has_no_caller_and_the_sender_stays_ready),
        TEST(a_sent_message_gives_the_rest_of_the_slice_and_no_more),
        TEST(a_gate_comes_back_with_a_notification_or_at_the_deadline),
        TEST(a_callee_with_a_notification_replies_and_stays_ready),
        TEST(entering_checks_env_capability_and_state),
        TEST(a_lie_about_the_gate_is_the_callers_error_alone),
        TEST(a_gate_guard_lets_enter_and_nothing_else),
        TEST(a_callee_that_keeps_the_cpu_gives_it_back_after_the_deadline),
        TEST(at_the_deadline_the_caller_goes_on_and_the_reply_is_dropped),
        TEST(a_reply_never_reaches_a_later_call),
        TEST(a_callee_that_ends_gives_its_caller_an_error),
        TEST(a_callee_whose_space_ends_gives_its_caller_an_error),
        TEST(a_callee_that_stops_gives_its_caller_an_error),
        TEST(an_env_that_ends_in_its_gate_is_no_longer_there),
        TEST(a_caller_that_ends_leaves_the_callee_alone),
        TEST(the_callers_successor_gets_no_reply),
        TEST(in_a_chain_each_end_hurts_only_its_neighbour),
        TEST(a_call_runs_on_the_callers_slice_even_after_the_callee_slept),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
