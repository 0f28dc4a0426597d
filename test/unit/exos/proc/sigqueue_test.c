/*
 * sigqueue_test.c: which of the signals that are pending is taken, and what came with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proc/signal.h"
#include "proc/sigqueue.h"

#define MOST 100
#define RT 40

static struct sig_queue queue;
static uint32_t count;
static unsigned on_heap;

void *
heap_alloc(size_t size)
{
    on_heap++;
    return calloc(1, size);
}

void
heap_free(void *p)
{
    on_heap -= p != NULL;
    free(p);
}

static int
set_up(void **state)
{
    (void)state;
    queue = (struct sig_queue){ .set = 0 };
    count = 0;
    return 0;
}

static int
send(int sig, int code, uint64_t value)
{
    struct siginfo_brief info = { .code = code, .value = value };

    return sigqueue_add(&queue, sig, &info, &count, MOST);
}

/* Number and value of what is taken next. */
static void
expect(int sig, uint64_t value)
{
    struct siginfo_brief info;

    assert_int_equal(signal_first(queue.set), sig);
    sigqueue_remove(&queue, sig, &info, &count);
    assert_int_equal(info.signo, sig);
    assert_int_equal(info.value, value);
}

static void
expect_empty(void)
{
    assert_int_equal(queue.set, 0);
    assert_int_equal(count, 0);
    assert_int_equal(on_heap, 0);
    assert_null(queue.first);
}

static void
one_alone_needs_no_memory(void **state)
{
    (void)state;
    assert_int_equal(send(SIGUSR1, SI_USER, 7), 0);
    assert_int_equal(on_heap, 0);
    expect(SIGUSR1, 7);
    expect_empty();
}

static void
a_standard_signal_is_pending_once(void **state)
{
    (void)state;
    assert_int_equal(send(SIGUSR1, SI_USER, 1), 0);
    assert_int_equal(send(SIGUSR1, SI_USER, 2), 0);
    assert_int_equal(count, 1);
    expect(SIGUSR1, 1);
    expect_empty();
}

static void
real_time_signals_come_by_number_and_then_in_order(void **state)
{
    (void)state;
    for (uint64_t v = 0; v < 3; v++) {
        assert_int_equal(send(RT + 1, SI_QUEUE, v), 0);
        assert_int_equal(send(RT, SI_QUEUE, 10 + v), 0);
    }
    for (uint64_t v = 0; v < 3; v++)
        expect(RT, 10 + v);
    assert_int_equal(send(RT, SI_QUEUE, 20), 0);
    expect(RT, 20);
    for (uint64_t v = 0; v < 3; v++)
        expect(RT + 1, v);
    expect_empty();
}

static void
faults_come_before_lower_numbers(void **state)
{
    (void)state;
    assert_int_equal(send(SIGHUP, SI_USER, 1), 0);
    assert_int_equal(send(SIGSEGV, SI_KERNEL, 2), 0);
    expect(SIGSEGV, 2);
    expect(SIGHUP, 1);
    expect_empty();
}

static void
past_the_limit_only_what_needs_no_room_is_added(void **state)
{
    (void)state;
    for (uint64_t v = 0; v < MOST; v++)
        assert_int_equal(send(RT, SI_QUEUE, v), 0);
    assert_int_equal(send(RT, SI_QUEUE, 1), -EAGAIN);
    assert_int_equal(send(RT + 1, SI_USER, 0), 0);
    assert_int_equal(send(SIGTERM, SI_USER, 5), 0);
    assert_int_equal(count, MOST + 1);
    expect(SIGTERM, 5);
    for (uint64_t v = 0; v < MOST; v++)
        expect(RT, v);
    expect(RT + 1, 0);
    expect_empty();
}

static void
what_is_dropped_is_gone(void **state)
{
    (void)state;
    assert_int_equal(send(SIGCONT, SI_USER, 1), 0);
    assert_int_equal(send(RT, SI_QUEUE, 2), 0);
    assert_int_equal(send(SIGTSTP, SI_USER, 3), 0);
    assert_int_equal(send(RT, SI_QUEUE, 4), 0);
    sigqueue_drop(&queue, SIG_BIT(SIGCONT) | SIG_BIT(SIGTSTP), &count);
    assert_int_equal(count, 2);
    expect(RT, 2);
    expect(RT, 4);
    assert_int_equal(send(RT, SI_QUEUE, 5), 0);
    assert_int_equal(send(RT, SI_QUEUE, 6), 0);
    sigqueue_drop(&queue, UINT64_MAX, &count);
    expect_empty();
}

static void
a_queue_may_be_moved(void **state)
{
    struct sig_queue moved;

    (void)state;
    assert_int_equal(send(RT, SI_QUEUE, 1), 0);
    assert_int_equal(send(RT, SI_QUEUE, 2), 0);
    moved = queue;
    queue = (struct sig_queue){ .set = 0 };
    queue = moved;
    assert_int_equal(send(RT, SI_QUEUE, 3), 0);
    for (uint64_t v = 1; v <= 3; v++)
        expect(RT, v);
    expect_empty();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_alone_needs_no_memory, set_up),
        cmocka_unit_test_setup(a_standard_signal_is_pending_once, set_up),
        cmocka_unit_test_setup(real_time_signals_come_by_number_and_then_in_order, set_up),
        cmocka_unit_test_setup(faults_come_before_lower_numbers, set_up),
        cmocka_unit_test_setup(past_the_limit_only_what_needs_no_room_is_added, set_up),
        cmocka_unit_test_setup(what_is_dropped_is_gone, set_up),
        cmocka_unit_test_setup(a_queue_may_be_moved, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
