/* trace_test.c: the trace: what happened is in the window, the last events of it. Booted with `ktrace trace-events=100`. */
#include "world.h"
#include "core/trace.h"

#define KEPT 64                 /* what 100 is rounded down to */

extern uint64_t *info_pdpt;

/* What a program reads at an address of the window. */
static const volatile void *
seen(const volatile void *p)
{
    uint64_t va = USER_AT(p), pte;
    const uint64_t *table = info_pdpt;

    for (unsigned shift = 30; shift > 12; shift -= 9)
        table = direct_map(table[va >> shift & 511] & AEG_PTE_ADDR);
    pte = table[va >> 12 & 511];
    assert_true((pte & AEG_PTE_P) && !(pte & AEG_PTE_W));
    return (const char *)direct_map(pte & AEG_PTE_ADDR) + (va & (FRAME_SIZE - 1));
}

static const volatile struct aeg_trace_info *
ring(void)
{
    return seen(aeg_info_entry(&info->traces, 0));
}

/* The event `ago` events back; 1 is the last. */
static struct aeg_trace_event
back(unsigned ago)
{
    const volatile struct aeg_trace_event *e = seen(aeg_info_entry(&ring()->events, (ring()->written - ago) % ring()->events.count));

    return (struct aeg_trace_event){ e->tsc, e->kind, e->reserved, e->env, e->a, e->b };
}

static void
expect_event(unsigned ago, enum aeg_trace_kind kind, aeg_id_t env, uint64_t a, uint64_t b)
{
    struct aeg_trace_event e = back(ago);

    assert_int_equal(e.kind, kind);
    assert_true(e.env == env);
    assert_true(e.a == a);
    assert_true(e.b == b);
}

static void
the_ring_is_as_long_as_the_boot_option_says(void **state)
{
    (void)state;
    assert_int_equal(info->traces.count, info->cpu_count);
    assert_int_equal(ring()->events.count, KEPT);
    assert_int_equal(ring()->events.stride, sizeof(struct aeg_trace_event));
    assert_int_equal(ring()->frequent, 1);
    assert_true(machine.trace_frequent);
}

static void
events_say_when_who_and_what(void **state)
{
    (void)state;
    machine.now_ns += 12345;
    expect(OK, notify, alice.env_id, 0, 0x50);
    expect_event(1, AEG_TRACE_NOTIFY, alice.env_id, alice.env_id, 0x50);
    assert_int_equal(back(1).tsc, machine.now_ns);
    alice.env->uenv->notify = 0;
}

static void
envs_and_spaces_come_and_go_in_it(void **state)
{
    aeg_frame_t pml4 = new_frame(&alice);
    struct env *e = new_env(&alice);
    aeg_id_t env = e->id, space;

    (void)state;
    expect_event(1, AEG_TRACE_ENV_MADE, alice.env_id, env, alice.space_id);
    expect(OK, env_destroy, env, 0);
    expect_event(1, AEG_TRACE_ENV_GONE, alice.env_id, env, alice.space_id);
    expect(OK, space_create, alice.account, 0, 0, pml4);
    space = value;
    expect_event(1, AEG_TRACE_SPACE_MADE, alice.env_id, space, pml4);
    destroy_space(space, 0);
    expect_event(1, AEG_TRACE_SPACE_GONE, alice.env_id, space, pml4);
}

static void
a_refused_call_is_no_event(void **state)
{
    uint64_t before = ring()->written;

    (void)state;
    expect(ENV, notify, 0, 0, 1);
    expect(CAP_DENIED, notify, bob.env_id, 0, 1);
    assert_int_equal(ring()->written, before);
}

static void
waiting_and_switching_are_told_by_whom(void **state)
{
    (void)state;
    cpus[0].info->env = alice.env_id;
    assert_int_equal(call(wait, 2, machine.now_ns + 1000, 0, 0), SWITCHED);
    expect_event(2, AEG_TRACE_WAIT, alice.env_id, 2, machine.now_ns + 1000);
    if (cpus[0].env)
        expect_event(1, AEG_TRACE_SWITCH, alice.env_id, cpus[0].env->id, alice.env_id);
    else
        expect_event(1, AEG_TRACE_IDLE, alice.env_id, alice.env_id, 0);
    env_set_state(alice.env, AEG_ENV_READY);
}

static void
the_oldest_events_make_room(void **state)
{
    uint64_t before = ring()->written;

    (void)state;
    for (uint64_t i = 1; i <= KEPT + 10; i++)
        trace(AEG_TRACE_RX, i, 0);
    assert_int_equal(ring()->written, before + KEPT + 10);
    assert_int_equal(back(1).a, KEPT + 10);
    assert_int_equal(back(KEPT).a, 11);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_ring_is_as_long_as_the_boot_option_says),
        TEST(events_say_when_who_and_what),
        TEST(envs_and_spaces_come_and_go_in_it),
        TEST(a_refused_call_is_no_event),
        TEST(waiting_and_switching_are_told_by_whom),
        TEST(the_oldest_events_make_room),
    };

    machine_words = "ktrace trace-events=100";
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
