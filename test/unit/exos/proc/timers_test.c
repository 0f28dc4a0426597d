/*
 * timers_test.c: when timers ring on clocks that pass, stand still and are set, and what their signals say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proc/proc.h"
#include "proc/signal.h"
#include "proc/timers.h"

#define MS NSEC_PER_MSEC
#define PID 7
#define SIG 40

static struct proc proc;
static uint64_t monotonic, day, cpu, due_at;
static struct timer *armed;             /* the one timer of the test */
static struct siginfo_brief sent;
static unsigned signals;

uint64_t clock_monotonic_ns(void) { return monotonic; }
uint64_t clock_realtime_ns(void) { return day; }
uint64_t proc_cpu_ns(const struct proc *p) { (void)p; return cpu; }
uint64_t thread_cpu_ns(const struct thread *t) { (void)t; return cpu; }
struct proc *proc_current(void) { return &proc; }
struct thread *thread_self(void) { return &proc.thread; }
struct proc *proc_find(uint32_t pid) { return pid == PID ? &proc : NULL; }
struct thread *thread_find(uint32_t tid) { return tid == PID ? &proc.thread : NULL; }
void *heap_alloc(size_t n) { return calloc(1, n); }
void heap_free(void *p) { free(p); }

void
timer_start(struct timer *t, uint64_t deadline_ns, void (*fn)(struct timer *t))
{
    t->fn = fn;
    t->armed = true;
    armed = t;
    due_at = deadline_ns;
}

void
timer_stop(struct timer *t)
{
    t->armed = false;
    if (armed == t)
        armed = NULL;
}

static int
sends(struct proc *p, struct sig_queue *q, int sig, const struct siginfo_brief *info)
{
    assert_int_equal(sigqueue_add(q, sig, info, &p->sig_queued, UINT64_MAX), 0);
    sent = *info;
    signals++;
    return 0;
}

int
proc_signal_info(struct proc *p, int sig, const struct siginfo_brief *info)
{
    return sends(p, &p->sig_pending, sig, info);
}

int
thread_signal_info(struct thread *t, int sig, const struct siginfo_brief *info)
{
    return sends(&proc, &t->sig.pending, sig, info);
}

int
proc_signal(struct proc *p, int sig)
{
    struct siginfo_brief info = { .code = SI_KERNEL };

    return proc_signal_info(p, sig, &info);
}

static int
set_up(void **state)
{
    (void)state;
    proc = (struct proc){ .pid = PID, .thread.tid = PID };
    proc.thread.proc = &proc;
    timers_init(&proc);
    monotonic = 1000 * MS;
    day = 5000 * MS;
    cpu = 100 * MS;
    signals = 0;
    armed = NULL;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    timers_end(&proc);
    assert_int_equal(proc.ptimer_count, 0);
    return 0;
}

/* The session's clock goes on to where its timer is due. */
static void
pass(void)
{
    struct timer *t = armed;

    assert_non_null(t);
    monotonic = due_at;
    timer_stop(t);
    t->fn(t);
}

static struct ptimer *
make(int32_t id, int32_t notify)
{
    struct ptimer *t = ptimer_add(&proc);

    assert_int_equal(clock_find(id, &t->t.clock), 0);
    t->signo = SIG;
    t->notify = notify;
    t->value = 99;
    return t;
}

static void
an_interval_timer_stays_on_its_grid(void **state)
{
    struct clock_timer *t = &proc.itimer[0];

    (void)state;
    clock_timer_set(t, monotonic + 10 * MS, 4 * MS);
    assert_int_equal(clock_timer_left(t), 10 * MS);
    assert_int_equal(due_at, 1010 * MS);
    due_at = 1019 * MS;         /* it is looked at late: two more are over */
    pass();
    assert_int_equal(signals, 1);
    assert_int_equal(due_at, 1022 * MS);
}

static void
cpu_time_is_waited_for(void **state)
{
    struct clock_timer *t = &proc.itimer[1];

    (void)state;
    clock_timer_set(t, cpu + 20 * MS, 0);
    assert_int_equal(due_at, 1020 * MS);
    cpu += 8 * MS;
    pass();
    assert_int_equal(signals, 0);
    assert_int_equal(due_at, 1032 * MS);
    cpu += 12 * MS;
    pass();
    assert_int_equal(signals, 1);
    assert_int_equal(clock_timer_left(t), 0);
}

static void
a_day_that_is_set_back_is_waited_for(void **state)
{
    struct ptimer *t = make(CLOCK_REALTIME, 0);

    (void)state;
    clock_timer_set(&t->t, day + 10 * MS, 0);
    day -= 50 * MS;
    pass();
    assert_int_equal(signals, 0);
    assert_int_equal(due_at, monotonic + 60 * MS);
    day += 60 * MS;
    pass();
    assert_int_equal(signals, 1);
}

static void
overruns_are_told_with_the_signal(void **state)
{
    struct ptimer *t = make(CLOCK_MONOTONIC, 0);
    struct siginfo_brief info;

    (void)state;
    clock_timer_set(&t->t, monotonic + 5 * MS, 5 * MS);
    for (int i = 0; i < 4; i++)
        pass();
    assert_int_equal(signals, 1);
    sigqueue_remove(&proc.sig_pending, SIG, &info, &proc.sig_queued);
    assert_true(info.code == SI_TIMER && info.value == 99 && info.timer_id == t->id);
    ptimer_taken(&proc, &info);
    assert_int_equal(info.overrun, 3);
    assert_int_equal(t->last_overrun, 3);
    pass();
    assert_int_equal(signals, 2);
    sigqueue_drop(&proc.sig_pending, UINT64_MAX, &proc.sig_queued);     /* ignored meanwhile */
    pass();
    assert_int_equal(signals, 3);
    sigqueue_drop(&proc.sig_pending, UINT64_MAX, &proc.sig_queued);
}

static void
timers_are_bounded_and_found_by_their_ids(void **state)
{
    struct ptimer *t, *first = make(CLOCK_MONOTONIC, 1);

    (void)state;
    for (unsigned i = 1; i < PTIMERS_MAX; i++) {
        t = make(CLOCK_MONOTONIC, 1);
        assert_ptr_equal(ptimer_find(&proc, t->id), t);
    }
    assert_null(ptimer_add(&proc));
    ptimer_remove(first);
    t = make(CLOCK_MONOTONIC, 1);
    assert_ptr_equal(ptimer_find(&proc, t->id), t);
    clock_timer_set(&t->t, monotonic + MS, 0);
    pass();
    assert_int_equal(signals, 0);       /* SIGEV_NONE */
}

static void
clocks_of_others_are_found(void **state)
{
    struct clock_ref c;

    (void)state;
    assert_int_equal(clock_find((int32_t)(~(uint32_t)PID << 3 | 2), &c), 0);
    assert_true(c.id == CLOCK_PROCESS && c.of == PID);
    assert_int_equal(clock_find((int32_t)(~(uint32_t)PID << 3 | 6), &c), 0);
    assert_true(c.id == CLOCK_THREAD && c.of == PID);
    assert_int_equal(clock_find((int32_t)(~8u << 3 | 2), &c), -EINVAL);
    assert_int_equal(clock_find((int32_t)(~(uint32_t)PID << 3 | 3), &c), -EINVAL);
    assert_int_equal(clock_find(10, &c), -EINVAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_interval_timer_stays_on_its_grid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cpu_time_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_that_is_set_back_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overruns_are_told_with_the_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timers_are_bounded_and_found_by_their_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clocks_of_others_are_found, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
