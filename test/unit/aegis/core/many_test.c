/* many_test.c: what is done for other CPUs: mail, turns, who runs where. The other CPU here answers its mail when it is interrupted. */
#include "world.h"

#include "core/mail.h"
#include "core/turn.h"

#define OTHER (&cpus[1])
#define PAGES 16
#define VA 0x400000000000ull
#define BIT 4u

static unsigned letters;
static aeg_frame_t frames[PAGES];

static void
answer(const struct cpu *to)
{
    letters++;
    mail_open(&cpus[to->index]);
}

/* The other CPU runs who's env, or nobody. */
static void
other_runs(const struct actor *who)
{
    if (OTHER->occupant)
        OTHER->occupant->on_cpu = 0;
    OTHER->space = who ? who->space : NULL;
    OTHER->env = OTHER->occupant = who ? who->env : NULL;
    OTHER->idle = who == NULL;
    if (who)
        who->env->on_cpu = 2;
    machine.mailed = machine.woken = 0;
    machine.answers = answer;
    letters = 0;
}

static void
map_pages(void)
{
    (void)new_path(&alice, VA);
    for (unsigned i = 0; i < PAGES; i++) {
        frames[i] = new_frame(&alice);
        assert_int_equal(set_pte(&alice, VA + i * FRAME_SIZE, pte_of(frames[i], AEG_PTE_W)), AEG_OK);
    }
}

static void
unmap_pages(void)
{
    struct aeg_pte_op *ops = (struct aeg_pte_op *)USER_WORDS;

    for (unsigned i = 0; i < PAGES; i++)
        ops[i] = (struct aeg_pte_op){ VA + i * FRAME_SIZE, 0 };
    expect(OK, pte_set, alice.space_id, 0, USER_AT(ops), PAGES);
}

/* alice runs here, another env of hers on the other CPU. */
static void
a_vector_is_one_letter_to_who_runs_the_space(void **state)
{
    struct actor second = alice;

    (void)state;
    map_pages();
    second.env = new_env(&alice);
    other_runs(&second);
    unmap_pages();
    assert_int_equal(letters, 1);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(frame_at(frames[i])->refs, 0);
    other_runs(NULL);
}

static void
who_runs_another_space_hears_nothing(void **state)
{
    (void)state;
    map_pages();
    other_runs(&bob);
    unmap_pages();
    assert_int_equal(letters, 0);
    other_runs(NULL);
    map_pages();
    unmap_pages();
    assert_int_equal(letters, 0);
}

static void
new_entries_are_no_news(void **state)
{
    struct actor second = alice;

    (void)state;
    second.env = new_env(&alice);
    other_runs(&second);
    map_pages();
    assert_int_equal(letters, 0);
    other_runs(NULL);
}

/* The frames are still bound when the letter is read: nobody can have got them before. */
static unsigned bound_at_letter;

static void
answer_and_look(const struct cpu *to)
{
    for (unsigned i = 0; i < PAGES; i++)
        bound_at_letter += frame_at(frames[i])->refs == 1;
    answer(to);
}

static void
frames_are_let_go_after_the_letter(void **state)
{
    struct actor second = alice;

    (void)state;
    map_pages();
    second.env = new_env(&alice);
    other_runs(&second);
    machine.answers = answer_and_look;
    bound_at_letter = 0;
    unmap_pages();
    assert_int_equal(bound_at_letter, PAGES);
    other_runs(NULL);
}

static void
who_runs_elsewhere_cannot_be_yielded_to(void **state)
{
    struct actor second = alice;

    (void)state;
    second.env = new_env(&alice);
    other_runs(&second);
    expect(NOT_READY, yield, second.env->id, 0);
    expect(NOT_READY, wait, 1, AEG_WAIT_FOREVER, second.env->id, 0);
    other_runs(NULL);
    assert_int_equal(call(yield, second.env->id, 0), SWITCHED);
    assert_ptr_equal(cpus[0].env, second.env);
    assert_int_equal(second.env->on_cpu, 1);
    assert_int_equal(alice.env->on_cpu, 0);
}

static void
a_running_env_is_off_its_cpu_before_it_goes(void **state)
{
    struct actor second = alice;
    aeg_id_t id;

    (void)state;
    second.env = new_env(&alice);
    id = second.env->id;
    other_runs(&second);
    expect(OK, env_destroy, id, 0);
    assert_int_equal(letters, 1);
    assert_null(OTHER->env);
    assert_null(OTHER->space);
    assert_null(OTHER->occupant);
    assert_null(env_find(id));
    other_runs(NULL);
}

static void
a_running_env_that_is_notified_is_interrupted(void **state)
{
    (void)state;
    other_runs(&bob);
    OTHER->env->uenv->notify = 0;
    turn_alone(&cpus[0]);
    env_notify(bob.env_id, BIT);
    turn_end(&cpus[0]);
    assert_int_equal(bob.env->uenv->notify, BIT);
    assert_int_equal(machine.woken, 2);
    other_runs(NULL);
}

static void
idle_cpus_with_positions_are_woken_by_who_gets_ready(void **state)
{
    (void)state;
    other_runs(NULL);
    turn_alone(&cpus[0]);
    env_set_state(bob.env, AEG_ENV_WAITING);
    env_set_state(bob.env, AEG_ENV_READY);
    turn_end(&cpus[0]);
    assert_int_equal(machine.woken, 0);
    OTHER->homes = 1;
    turn_alone(&cpus[0]);
    env_set_state(bob.env, AEG_ENV_READY);
    turn_end(&cpus[0]);
    assert_int_equal(machine.woken, 2);
    OTHER->homes = 0;
}

static void
a_call_that_is_alone_and_one_beside_others_end_their_turns(void **state)
{
    (void)state;
    expect(OK, null, 0);
    expect(OK, cap_list, USER_AT(USER_WORDS), AEG_CAP_MAX);
    expect(ENV, notify, AEG_ID(5, 77), 0, 1);
    turn_sched(&cpus[0]);
    assert_false(sched_enter());
    assert_int_equal(cpus[0].turn, TURN_BESIDE);
    turn_upgrade(&cpus[0]);
    assert_false(cpus[0].sched);
    assert_int_equal(cpus[0].turn, TURN_ALONE);
    turn_end(&cpus[0]);
    assert_int_equal(cpus[0].turn, TURN_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_vector_is_one_letter_to_who_runs_the_space),
        TEST(who_runs_another_space_hears_nothing),
        TEST(new_entries_are_no_news),
        TEST(frames_are_let_go_after_the_letter),
        TEST(who_runs_elsewhere_cannot_be_yielded_to),
        TEST(a_running_env_is_off_its_cpu_before_it_goes),
        TEST(a_running_env_that_is_notified_is_interrupted),
        TEST(idle_cpus_with_positions_are_woken_by_who_gets_ready),
        TEST(a_call_that_is_alone_and_one_beside_others_end_their_turns),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
