/*
 * random_test.c: many calls that make little sense (calls.c), with the walker in between. AEGIS_SEED picks another run.
 */
#include <stdlib.h>

#include "calls.h"

#define ROUNDS 60
#define CALLS 5000              /* of one round, after which everything goes and the census is taken */
#define WALK_EVERY 250

static uint64_t state;

/* xorshift64* (Marsaglia 2003; Vigna 2016). */
uint64_t
calls_choice(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

static void
one_round(void)
{
    struct calls c;

    calls_begin(&c);
    for (unsigned i = 0; i < CALLS; i++) {
        calls_one(&c);
        if (i % WALK_EVERY == 0)
            walk();
    }
    calls_end();
}

static void
nothing_breaks_in_many_random_calls(void **unused)
{
    const char *seed = getenv("AEGIS_SEED");

    state = seed ? strtoull(seed, NULL, 0) | 1 : 0x9e3779b97f4a7c15ull;
    print_message("seed %#lx\n", (unsigned long)state);
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round();
        world_end(unused);
        world_make(unused);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(calls_succeeded); i++) {
        if ((i >= CALLS_CORE && i < AEG_SYS_gate_open - AEG_SYS_BASE) ||
            (i > AEG_SYS_pct_reply_wait - AEG_SYS_BASE && i < AEG_SYS_revoke_bind - AEG_SYS_BASE))
            continue;               /* not of the core */
        print_message("call %u succeeded %u times\n", i, calls_succeeded[i]);
        assert_true(calls_succeeded[i] > 0);
    }
}

static void
the_calls_met_most_errors(void **unused)
{
    static const uint8_t want[] = {
        AEG_ERR_CAP_INDEX, AEG_ERR_CAP_DENIED, AEG_ERR_CAP_FULL, AEG_ERR_CAP_NAME, AEG_ERR_ACCOUNT, AEG_ERR_LIMIT, AEG_ERR_FRAME,
        AEG_ERR_FRAME_FREE, AEG_ERR_FRAME_NODE, AEG_ERR_FRAME_BUSY, AEG_ERR_SPACE, AEG_ERR_ENV, AEG_ERR_VA_RANGE, AEG_ERR_VA_ALIGN,
        AEG_ERR_PTE_BITS, AEG_ERR_NO_NODE, AEG_ERR_NODE_LEVEL, AEG_ERR_NODE_TAKEN, AEG_ERR_NODE_LIVE, AEG_ERR_BAD_ADDRESS, AEG_ERR_VECTOR,
        AEG_ERR_ARGUMENT, AEG_ERR_TIMEOUT, AEG_ERR_NOT_READY, AEG_ERR_CPU, AEG_ERR_RIGHTS, AEG_ERR_UENV,
    };

    (void)unused;
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++)
        if (calls_errors[want[i]] == 0)
            fail_msg("error %u never happened", want[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_breaks_in_many_random_calls),
        cmocka_unit_test(the_calls_met_most_errors),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
