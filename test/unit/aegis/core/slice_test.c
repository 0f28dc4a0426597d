/* slice_test.c: who gets the CPU, and how the end of a slice is told, waited for and forced. */
#include <string.h>

#include "world.h"
#include "arch/x86_64/trap.h"

void interrupt_exit(struct trap_frame *tf);
noreturn void interrupt_from_idle(void);

#define SLICE 5000000ull
#define GRACE 1000000ull

/* Root, alice and bob at positions 0, 1, 2 and nobody elsewhere; alice has the CPU, by her own slice. */
static void
three_homes(void)
{
    act_as(&root);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        expect(OK, slice_set, 0, p, p == 0 ? root.env_id : p == 1 ? alice.env_id : p == 2 ? bob.env_id : 0, 0);
    cpus[0].position = 0;
    cpus[0].in_grace = true;            /* the rest of root's slice is not worth going on with */
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
}

static struct trap_frame
user_frame(void)
{
    return (struct trap_frame){ .rip = 0x401234, .cs = SEL_USER_CS, .rflags = 0x646, .rsp = 0x7f00, .ss = SEL_USER_DS, .rax = 1, .rbx = 2,
                                .rcx = 3, .rdx = 4, .rsi = 5, .rdi = 6, .rbp = 7, .r8 = 8, .r9 = 9, .r10 = 10, .r11 = 11, .r12 = 12,
                                .r13 = 13, .r14 = 14, .r15 = 15 };
}

/* An interrupt `after_ns` from now; true when it went back to where it came from (tf may have become an upcall). */
static bool
interrupt(struct trap_frame *tf, uint64_t after_ns)
{
    static bool returned;

    machine.now_ns += after_ns;
    machine.armed = true;
    returned = false;
    if (setjmp(machine.left) == 0) {
        world_turn();
        sched_timer();
        interrupt_exit(tf);
        returned = true;
    }
    machine.armed = false;
    return returned;
}

/* ---- the vector ---- */

static void
setting_a_position_checks_cpu_position_and_capabilities(void **state)
{
    (void)state;
    expect(CPU, slice_set, info->cpu_count, 0, 0, 0);
    expect(CPU, slice_set, UINT64_MAX, 0, 0, 0);
    expect(CPU, slice_set, 0, AEG_SLICE_POSITIONS, 0, 0);
    expect(CPU, slice_set, 0, 1ull << 32, 0, 0);
    expect(CAP_DENIED, slice_set, 0, 0, alice.env_id, 0);
    expect(CAP_INDEX, slice_set, 0, 0, alice.env_id, AEG_CAPS(9, 0));
    act_as(&root);
    expect(ENV, slice_set, 0, 0, AEG_ID(9, 9), 0);
    expect(CAP_INDEX, slice_set, 0, 0, alice.env_id, AEG_CAPS(0, 9));
    expect(OK, cap_forge, 0, AEG_NAME_MACHINE, AEG_RIGHT_ALL);
    expect(CAP_DENIED, slice_set, 0, 0, alice.env_id, AEG_CAPS(0, value));
    expect(OK, slice_set, 0, 0, alice.env_id, AEG_CAPS(value, 0));
}

static void
positions_take_turns(void **state)
{
    (void)state;
    three_homes();
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, root.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_true(cpus[0].slice_end_tsc == machine.now_ns + SLICE);
    assert_true(machine.timer_tsc == machine.now_ns + SLICE);
}

static void
an_interrupt_never_returns_to_where_it_could_not(void **state)
{
    struct trap_frame tf = user_frame();

    (void)state;
    three_homes();
    tf.rip = 1ull << 47;
    assert_true(interrupt(&tf, 1000));
    assert_int_equal(tf.rip, AEG_USER_TOP);
    tf.rip = 0x401234;
    assert_true(interrupt(&tf, 1000));
    assert_int_equal(tf.rip, 0x401234);
}

static void
a_home_that_waits_is_passed_over(void **state)
{
    (void)state;
    three_homes();
    env_set_state(bob.env, AEG_ENV_STOPPED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, root.env);
}

static void
a_directed_yield_runs_on_the_slice_of_the_home_and_comes_back_to_it(void **state)
{
    struct env *e;
    uint64_t end;

    (void)state;
    three_homes();
    e = new_env(&alice);
    end = cpus[0].slice_end_tsc;
    machine.now_ns += 1000;
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    assert_true(cpus[0].slice_end_tsc == end);
    assert_int_equal(call(wait, 1, AEG_WAIT_FOREVER, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_true(cpus[0].slice_end_tsc == end);
}

static void
a_runner_keeps_the_homes_next_slice(void **state)
{
    struct env *e;
    struct trap_frame tf = user_frame();

    (void)state;
    three_homes();
    e = new_env(&alice);
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_false(interrupt(&tf, SLICE));        /* no handler, others wait: forced out */
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, root.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
    assert_int_equal(machine.left_by, LEFT_SAVED);
}

static void
a_place_in_the_table_does_not_inherit_a_slice(void **state)
{
    struct env *e;

    (void)state;
    three_homes();
    e = new_env(&alice);
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    act_as(&root);
    expect(OK, slice_set, 0, 1, 0, 0);          /* alice leaves the vector with a runner */
    cpus[0].in_grace = true;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    act_as(&root);
    expect(OK, env_destroy, e->id, 0);
    act_as(&bob);
    assert_ptr_equal(new_env(&bob), e);         /* the same place, another's */
    act_as(&root);
    expect(OK, slice_set, 0, 1, alice.env_id, 0);
    cpus[0].position = 0;
    cpus[0].in_grace = true;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
}

static void
an_ended_env_leaves_the_vector(void **state)
{
    (void)state;
    three_homes();
    act_as(&root);
    expect(OK, env_destroy, alice.env_id, 0);
    cpus[0].position = 0;
    cpus[0].in_grace = true;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
}

/* ---- idle ---- */

static void
when_everybody_waits_the_cpu_idles_until_the_first_deadline(void **state)
{
    uint64_t soon = machine.now_ns + 7000;

    (void)state;
    three_homes();
    assert_int_equal(call(wait, 1, AEG_WAIT_FOREVER, 0, 0), SWITCHED);      /* alice */
    assert_int_equal(call(wait, 1, soon, 0, 0), SWITCHED);                  /* bob */
    assert_int_equal(call(wait, 1, AEG_WAIT_FOREVER, 0, 0), SWITCHED);      /* root */
    assert_int_equal(machine.left_by, LEFT_IDLE);
    assert_null(cpus[0].env);
    assert_true(machine.timer_tsc == soon);
    machine.now_ns = soon;
    machine.armed = true;
    if (setjmp(machine.left) == 0)
        interrupt_from_idle();
    machine.armed = false;
    assert_ptr_equal(cpus[0].env, bob.env);
    env_notify(root.env_id, 1);
    env_notify(alice.env_id, 1);
    assert_int_equal(root.env->state, AEG_ENV_READY);
}

/* ---- the end of a slice ---- */

static void
handle_upcalls(struct aeg_uenv *u)
{
    u->slice_entry = 0x500000;
    u->notify_entry = 0x600000;
    u->frame[0].handler_rsp = 0x8000;
}

static void
before_the_end_an_interrupt_goes_back_to_where_it_came_from(void **state)
{
    struct trap_frame tf = user_frame(), before = tf;

    (void)state;
    three_homes();
    handle_upcalls(alice.env->uenv);
    assert_true(interrupt(&tf, SLICE - 1));
    assert_memory_equal(&tf, &before, sizeof(tf));
}

static void
the_end_of_a_slice_is_an_upcall_with_what_it_destroys_saved(void **state)
{
    struct trap_frame tf = user_frame();
    struct aeg_uenv *u = alice.env->uenv;

    (void)state;
    three_homes();
    handle_upcalls(u);
    assert_true(interrupt(&tf, SLICE));
    assert_int_equal(tf.rip, 0x500000);
    assert_int_equal(tf.rsp, 0x8000);
    assert_int_equal(tf.rflags, 0x202);
    assert_int_equal(tf.rax, 1);
    assert_int_equal(u->depth, 1);
    assert_int_equal(u->frame[0].vector, AEG_VECTOR_SLICE_END);
    assert_int_equal(u->frame[0].rip, 0x401234);
    assert_int_equal(u->frame[0].rsp, 0x7f00);
    assert_int_equal(u->frame[0].rflags, 0x646);
    assert_int_equal(u->frame[0].rcx, 3);
    assert_int_equal(u->frame[0].r11, 11);
    assert_true(machine.timer_tsc == cpus[0].slice_end_tsc + GRACE);
}

static void
in_the_restartable_range_the_upcall_notes_its_start(void **state)
{
    struct trap_frame tf = user_frame();
    struct aeg_uenv *u = alice.env->uenv;

    (void)state;
    three_homes();
    handle_upcalls(u);
    u->restart_begin = 0x401230;
    u->restart_end = 0x401240;
    u->restart_rip = 0x401200;
    assert_true(interrupt(&tf, SLICE));
    assert_int_equal(u->frame[0].rip, 0x401200);
}

static void
a_busy_library_finds_it_pending(void **state)
{
    struct trap_frame tf = user_frame(), before = tf;
    struct aeg_uenv *u = alice.env->uenv;

    (void)state;
    three_homes();
    handle_upcalls(u);
    u->crit = 1;
    assert_true(interrupt(&tf, SLICE));
    assert_memory_equal(&tf, &before, sizeof(tf));
    assert_int_equal(u->pending, AEG_PENDING_SLICE_END);
    assert_int_equal(u->depth, 0);
}

static void
a_lie_in_the_uenv_makes_no_upcall(void **state)
{
    static const uint64_t bad[] = { AEG_USER_TOP, 1ull << 47, 0xffff800000000000ull, UINT64_MAX };
    struct aeg_uenv *u = alice.env->uenv;

    (void)state;
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(bad); i++) {
        struct trap_frame tf = user_frame(), before = tf;
        three_homes();
        handle_upcalls(u);
        if (i & 1)
            u->slice_entry = bad[i / 2];
        else
            u->frame[0].handler_rsp = bad[i / 2];
        assert_true(interrupt(&tf, SLICE));
        assert_memory_equal(&tf, &before, sizeof(tf));
        assert_int_equal(u->depth, 0);
    }
}

static void
whoever_overruns_the_grace_is_forced_out_with_all_registers_saved(void **state)
{
    struct trap_frame tf = user_frame();
    struct aeg_uenv *u = alice.env->uenv;
    struct save_area *save = frame_map(alice.save);

    (void)state;
    three_homes();
    handle_upcalls(u);
    u->crit = 1;
    assert_true(interrupt(&tf, SLICE));
    assert_true(interrupt(&tf, GRACE - 1));
    machine.fs_base = 0x12345000;
    machine.gs_base = 0x54321000;
    assert_false(interrupt(&tf, 1));
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(alice.env->state, AEG_ENV_READY);
    assert_int_equal(save->rip, 0x401234);
    assert_int_equal(save->rsp, 0x7f00);
    assert_int_equal(save->rflags, 0x646);
    assert_int_equal(save->rax, 1);
    assert_int_equal(save->r15, 15);
    assert_int_equal(save->fs_base, 0x12345000);
    assert_int_equal(save->gs_base, 0x54321000);
    alice.env->info->penalty = 0;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(machine.left_by, LEFT_SAVED);
    assert_ptr_equal(machine.saved, save);
    assert_int_equal(machine.gs_base, 0x54321000);
}

static void
without_a_handler_the_end_of_a_slice_forces_at_once(void **state)
{
    struct trap_frame tf = user_frame();

    (void)state;
    three_homes();
    assert_false(interrupt(&tf, SLICE));
    assert_ptr_equal(cpus[0].env, bob.env);
}

static void
when_nobody_else_wants_the_cpu_the_slice_begins_again(void **state)
{
    struct trap_frame tf = user_frame(), before = tf;

    (void)state;
    three_homes();
    env_set_state(bob.env, AEG_ENV_STOPPED);
    env_set_state(root.env, AEG_ENV_STOPPED);
    assert_true(interrupt(&tf, SLICE));
    assert_true(interrupt(&tf, GRACE));
    assert_memory_equal(&tf, &before, sizeof(tf));
    assert_true(cpus[0].slice_end_tsc == machine.now_ns + SLICE);
    assert_false(cpus[0].in_grace);
    env_set_state(root.env, AEG_ENV_READY);
}

static void
a_directed_yield_in_the_grace_goes_to_the_next_slice(void **state)
{
    struct trap_frame tf = user_frame();
    struct env *e;

    (void)state;
    three_homes();
    e = new_env(&alice);
    handle_upcalls(alice.env->uenv);
    assert_true(interrupt(&tf, SLICE));
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);           /* and alice's next one is e's */
}

static void
a_notification_becomes_an_upcall_at_the_next_interrupt(void **state)
{
    struct trap_frame tf = user_frame();
    struct aeg_uenv *u = alice.env->uenv;

    (void)state;
    three_homes();
    handle_upcalls(u);
    env_notify(alice.env_id, 4);
    assert_int_equal(u->pending, AEG_PENDING_NOTIFY);
    assert_true(interrupt(&tf, 10));
    assert_int_equal(tf.rip, 0x600000);
    assert_int_equal(u->pending, 0);
    assert_int_equal(u->frame[0].vector, AEG_VECTOR_NOTIFY);
    env_notify(alice.env_id, 4);
    assert_true(interrupt(&tf, 10));            /* depth is 1: later */
    assert_int_equal(u->pending, AEG_PENDING_NOTIFY);
    assert_int_equal(u->depth, 1);
}

/* ---- the beginning of a slice ---- */

static void
the_beginning_of_a_slice_is_an_upcall_before_the_call_returns(void **state)
{
    struct aeg_uenv *u = bob.env->uenv;

    (void)state;
    three_homes();
    handle_upcalls(u);
    u->start_entry = 0x700000;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(machine.resumed->rip, 0x700000);
    assert_int_equal(machine.resumed->rsp, 0x8000);
    assert_int_equal(u->depth, 1);
    assert_int_equal(u->frame[0].vector, AEG_VECTOR_SLICE_START);
    assert_int_equal(u->frame[0].rip, 0x400000);
    assert_int_equal(u->frame[0].rsp, 0x7ff0);
    u->depth = 0;
    u->crit = 1;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(machine.resumed->rip, 0x401000);
    assert_int_equal(u->pending, AEG_PENDING_SLICE_START);
}

static void
an_env_that_was_forced_out_hears_of_its_next_slice(void **state)
{
    struct trap_frame tf = user_frame();
    struct aeg_uenv *u = alice.env->uenv;
    struct save_area *save = frame_map(alice.save);

    (void)state;
    three_homes();
    u->start_entry = 0x700000;
    u->frame[0].handler_rsp = 0x8000;
    assert_false(interrupt(&tf, SLICE));
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(machine.left_by, LEFT_SAVED);
    assert_int_equal(save->rip, 0x700000);
    assert_int_equal(save->rsp, 0x8000);
    assert_int_equal(u->frame[0].rip, 0x401234);
    assert_int_equal(u->frame[0].rcx, 3);
    assert_int_equal(u->frame[0].r11, 11);
}

static void
a_slice_that_follows_its_own_home_is_told_too(void **state)
{
    struct trap_frame tf = user_frame();
    struct aeg_uenv *u = alice.env->uenv;

    (void)state;
    three_homes();
    env_set_state(bob.env, AEG_ENV_STOPPED);
    env_set_state(root.env, AEG_ENV_STOPPED);
    u->start_entry = 0x700000;
    u->frame[0].handler_rsp = 0x8000;
    assert_true(interrupt(&tf, SLICE));
    assert_true(interrupt(&tf, GRACE));
    assert_int_equal(tf.rip, 0x700000);
    assert_int_equal(u->frame[0].vector, AEG_VECTOR_SLICE_START);
    env_set_state(root.env, AEG_ENV_READY);
}

/* ---- whose time it is ---- */

static void
time_is_counted_for_who_ran(void **state)
{
    uint64_t before;

    (void)state;
    three_homes();
    before = alice.env->info->run_tsc;
    machine.now_ns += 300;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    machine.now_ns += 40;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(alice.env->info->run_tsc - before, 300);
    assert_int_equal(bob.env->info->run_tsc, 40);
}

/* Everybody yields to nobody in particular until it is her turn. */
static void
run_until(const struct actor *who)
{
    for (unsigned turns = 0; cpus[0].env != who->env; turns++) {
        assert_true(turns < 8);
        assert_int_equal(call(yield, 0, 0), SWITCHED);
    }
}

/* Alice uses up her slice and the grace; true: she was forced out. */
static bool
hog(void)
{
    struct trap_frame tf = user_frame();

    return interrupt(&tf, SLICE) && !interrupt(&tf, GRACE);
}

static void
whoever_overruns_loses_a_later_slice(void **state)
{
    (void)state;
    three_homes();
    handle_upcalls(alice.env->uenv);
    alice.env->uenv->crit = 1;
    assert_true(hog());
    assert_int_equal(alice.env->info->excess_tsc, GRACE);
    assert_int_equal(alice.env->info->penalty, 1);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, root.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);     /* where alice would have been */
    assert_int_equal(alice.env->info->penalty, 0);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);
}

static void
the_runner_pays_and_not_the_donor(void **state)
{
    struct env *e;

    (void)state;
    three_homes();
    e = new_env(&alice);
    e->uenv->slice_entry = 0x500000;
    e->uenv->crit = 1;
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_true(hog());
    assert_int_equal(e->info->penalty, 1);
    assert_int_equal(alice.env->info->penalty, 0);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, alice.env);   /* her slice, not her runner's */
    assert_int_equal(e->info->penalty, 0);
}

/* A server entered in the last moment of somebody's grace does not pay for it. */
static void
whoever_gets_the_cpu_in_the_grace_pays_for_its_own_time(void **state)
{
    struct trap_frame tf = user_frame();
    uint32_t cap = lend(&bob, &alice, AEG_RIGHT_WRITE);

    (void)state;
    act_as(&bob);
    bob.env->uenv->gate_entry = 0x700000;
    assert_int_equal(call(pct_reply_wait, 0, AEG_WAIT_FOREVER), SWITCHED);
    three_homes();
    handle_upcalls(alice.env->uenv);
    alice.env->uenv->crit = 1;
    assert_true(interrupt(&tf, SLICE));
    machine.now_ns += GRACE - 10;
    assert_int_equal(call(pct_call, bob.env_id, cap, AEG_WAIT_FOREVER), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_false(interrupt(&tf, 10));
    assert_int_equal(bob.env->info->excess_tsc, 10);
    assert_int_equal(bob.env->info->penalty, 0);
}

static void
whoever_overruns_again_and_again_stops(void **state)
{
    (void)state;
    three_homes();
    handle_upcalls(alice.env->uenv);
    alice.env->uenv->crit = 1;
    for (unsigned i = 0; i < AEG_OVERRUN_MAX; i++) {
        assert_int_equal(alice.env->state, AEG_ENV_READY);
        run_until(&alice);
        assert_true(hog());
        assert_ptr_not_equal(cpus[0].env, alice.env);
    }
    assert_int_equal(alice.env->state, AEG_ENV_STOPPED);
    assert_int_equal(alice.env->info->stop_reason, AEG_VECTOR_SLICE_END);
}

static void
an_answer_in_the_grace_ends_the_row(void **state)
{
    struct trap_frame tf = user_frame();

    (void)state;
    three_homes();
    handle_upcalls(alice.env->uenv);
    alice.env->uenv->crit = 1;
    alice.env->info->overruns = AEG_OVERRUN_MAX - 1;
    assert_true(interrupt(&tf, SLICE));
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    run_until(&alice);
    assert_true(hog());
    assert_int_equal(alice.env->info->overruns, 1);
    run_until(&alice);
    assert_true(hog());
    assert_int_equal(alice.env->info->overruns, 2);
    run_until(&alice);
    expect(OK, yield, alice.env_id, 0);         /* to oneself: a sign of life */
    assert_true(hog());
    assert_int_equal(alice.env->info->overruns, 1);
}

/* A library that wants to go on says so in the grace: no penalty, and the next slice is its own again. */
static void
a_yield_to_oneself_in_the_grace_ends_the_slice(void **state)
{
    struct trap_frame tf = user_frame();
    struct env *e;

    (void)state;
    three_homes();
    e = new_env(&alice);
    e->uenv->slice_entry = 0x500000;
    e->uenv->crit = 1;
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_true(interrupt(&tf, SLICE));
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(e->info->penalty, 0);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, e);
}

static void
alone_on_the_cpu_there_is_no_penalty(void **state)
{
    (void)state;
    three_homes();
    env_set_state(bob.env, AEG_ENV_STOPPED);
    env_set_state(root.env, AEG_ENV_STOPPED);
    handle_upcalls(alice.env->uenv);
    alice.env->uenv->crit = 1;
    for (unsigned i = 0; i < 4 * AEG_OVERRUN_MAX; i++)
        assert_false(hog());
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_int_equal(alice.env->info->penalty + alice.env->info->overruns + alice.env->info->excess_tsc, 0);
    env_set_state(root.env, AEG_ENV_READY);
}

/* However long alice wants it, bob's slice begins no later than her slice and grace. */
static void
a_hog_delays_nobody_beyond_slice_and_grace(void **state)
{
    uint64_t begun, latest = 0;

    (void)state;
    three_homes();
    handle_upcalls(alice.env->uenv);
    for (unsigned i = 0; i < 40; i++) {
        struct trap_frame tf = user_frame();

        alice.env->uenv->crit = 1;
        alice.env->info->overruns = 0;
        run_until(&alice);
        begun = machine.now_ns;
        while (cpus[0].env == alice.env && interrupt(&tf, machine.timer_tsc - machine.now_ns))
            assert_true(machine.now_ns - begun <= SLICE + GRACE);
        assert_ptr_equal(cpus[0].env, bob.env);
        latest = MAX(latest, machine.now_ns - begun);
    }
    assert_int_equal(latest, SLICE + GRACE);
}

/* ---- stopping ---- */

static void
stop_running(void)
{
    machine.armed = true;
    if (setjmp(machine.left) == 0)
        env_stop(13, 0x1234, 0x5678);
    machine.armed = false;
}

static void
a_stopped_env_tells_its_maker(void **state)
{
    struct env *e;

    (void)state;
    three_homes();
    e = new_env(&alice);
    assert_true(e->info->controller == alice.env_id);
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    stop_running();
    assert_int_equal(e->state, AEG_ENV_STOPPED);
    assert_int_equal(e->info->stop_reason, 13);
    assert_int_equal(e->info->stop_rip, 0x1234);
    assert_int_equal(e->info->stop_cr2, 0x5678);
    assert_ptr_equal(cpus[0].env, alice.env);
    assert_true(alice.env->uenv->notify & AEG_NOTIFY_STOPPED);
    expect(NOT_READY, yield, e->id, 0);
    expect(OK, env_destroy, e->id, 0);
}

static void
a_stopped_home_tells_its_maker_and_leaves_its_slices(void **state)
{
    (void)state;
    three_homes();
    assert_true(alice.env->info->controller == root.env_id);
    stop_running();
    assert_int_equal(alice.env->state, AEG_ENV_STOPPED);
    assert_true(root.env->uenv->notify & AEG_NOTIFY_STOPPED);
    assert_ptr_equal(cpus[0].env, bob.env);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, bob.env);
}

static void
nobody_hears_of_a_stop_when_the_maker_is_gone(void **state)
{
    struct env *maker, *e;
    uint64_t before;

    (void)state;
    three_homes();
    maker = new_env(&alice);
    assert_int_equal(call(yield, maker->id, 0), SWITCHED);
    e = new_env(&alice);
    assert_true(e->info->controller == maker->id);
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    expect(OK, env_destroy, maker->id, 0);
    before = alice.env->uenv->notify;
    stop_running();
    assert_int_equal(e->state, AEG_ENV_STOPPED);
    assert_true(alice.env->uenv->notify == before);
}

static void
a_runner_that_answers_no_end_is_stopped_so_that_its_home_runs(void **state)
{
    struct trap_frame tf = user_frame();
    struct env *e;
    unsigned slices = 0;

    (void)state;
    act_as(&root);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        expect(OK, slice_set, 0, p, alice.env_id, 0);
    cpus[0].in_grace = true;
    assert_int_equal(call(yield, 0, 0), SWITCHED);
    e = new_env(&alice);
    handle_upcalls(e->uenv);
    e->uenv->crit = 1;
    assert_int_equal(call(yield, e->id, 0), SWITCHED);
    for (; slices < AEG_UNANSWERED_MAX / 2; slices++) {
        assert_true(interrupt(&tf, SLICE));
        assert_true(interrupt(&tf, GRACE));
    }
    e->uenv->pending = 0;                       /* it has looked up: the count begins anew */
    for (slices = 0; slices < 2 * AEG_UNANSWERED_MAX && e->state == AEG_ENV_READY; slices++) {
        assert_true(interrupt(&tf, SLICE));
        (void)interrupt(&tf, GRACE);
    }
    assert_int_equal(slices, AEG_UNANSWERED_MAX);
    assert_int_equal(e->state, AEG_ENV_STOPPED);
    assert_int_equal(e->info->stop_reason, AEG_VECTOR_SLICE_END);
    assert_int_equal(e->info->stop_rip, 0x401234);
    assert_int_equal(e->info->stop_cr2, 0x7f00);
    assert_ptr_equal(cpus[0].env, alice.env);
}

/* Programming the timer wakes nobody: whoever does that may just have found that there is nobody to run. */
static void
a_deadline_that_has_passed_is_an_interrupt_at_once(void **state)
{
    uint64_t soon = machine.now_ns + 7000;

    (void)state;
    three_homes();
    assert_int_equal(call(wait, 1, soon, 0, 0), SWITCHED);          /* alice */
    machine.now_ns = soon + 1;
    slice_rearm();
    assert_int_equal(alice.env->state, AEG_ENV_WAITING);
    assert_true(machine.timer_tsc <= soon);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(setting_a_position_checks_cpu_position_and_capabilities),
        TEST(positions_take_turns),
        TEST(an_interrupt_never_returns_to_where_it_could_not),
        TEST(a_home_that_waits_is_passed_over),
        TEST(a_directed_yield_runs_on_the_slice_of_the_home_and_comes_back_to_it),
        TEST(a_runner_keeps_the_homes_next_slice),
        TEST(a_place_in_the_table_does_not_inherit_a_slice),
        TEST(an_ended_env_leaves_the_vector),
        TEST(when_everybody_waits_the_cpu_idles_until_the_first_deadline),
        TEST(before_the_end_an_interrupt_goes_back_to_where_it_came_from),
        TEST(the_end_of_a_slice_is_an_upcall_with_what_it_destroys_saved),
        TEST(in_the_restartable_range_the_upcall_notes_its_start),
        TEST(a_busy_library_finds_it_pending),
        TEST(a_lie_in_the_uenv_makes_no_upcall),
        TEST(whoever_overruns_the_grace_is_forced_out_with_all_registers_saved),
        TEST(without_a_handler_the_end_of_a_slice_forces_at_once),
        TEST(when_nobody_else_wants_the_cpu_the_slice_begins_again),
        TEST(a_directed_yield_in_the_grace_goes_to_the_next_slice),
        TEST(a_notification_becomes_an_upcall_at_the_next_interrupt),
        TEST(the_beginning_of_a_slice_is_an_upcall_before_the_call_returns),
        TEST(an_env_that_was_forced_out_hears_of_its_next_slice),
        TEST(a_slice_that_follows_its_own_home_is_told_too),
        TEST(time_is_counted_for_who_ran),
        TEST(whoever_overruns_loses_a_later_slice),
        TEST(the_runner_pays_and_not_the_donor),
        TEST(whoever_gets_the_cpu_in_the_grace_pays_for_its_own_time),
        TEST(whoever_overruns_again_and_again_stops),
        TEST(an_answer_in_the_grace_ends_the_row),
        TEST(a_hog_delays_nobody_beyond_slice_and_grace),
        TEST(a_yield_to_oneself_in_the_grace_ends_the_slice),
        TEST(alone_on_the_cpu_there_is_no_penalty),
        TEST(a_runner_that_answers_no_end_is_stopped_so_that_its_home_runs),
        TEST(a_deadline_that_has_passed_is_an_interrupt_at_once),
        TEST(a_stopped_env_tells_its_maker),
        TEST(a_stopped_home_tells_its_maker_and_leaves_its_slices),
        TEST(nobody_hears_of_a_stop_when_the_maker_is_gone),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
