/*
 * pifutex_test.c: who owns a lock, whom it goes to, and what becomes of it when its owner is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/uaccess.h"
#include "proc/proc.h"
#include "thread/futex.h"

#define THREADS 3
#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u

static struct proc proc;
static struct thread threads[THREADS], *self;
static bool gone[THREADS];
static uint32_t word;
static int (*meanwhile)(void);          /* what happens while the caller sleeps: what its sleep gives */

struct proc *proc_current(void) { return &proc; }
struct thread *thread_self(void) { return self; }

static uint32_t
tid_of(unsigned i)
{
    return 10 + i;
}

struct thread *
thread_find(uint32_t tid)
{
    return tid >= 10 && tid < 10 + THREADS && !gone[tid - 10] ? &threads[tid - 10] : NULL;
}

int
futex_key(struct futex_key *key, uva_t va, bool shared)
{
    *key = (struct futex_key){ shared ? NULL : &proc, va };
    return 0;
}

bool
user_load32(uint32_t *value, uva_t at)
{
    *value = *(const uint32_t *)at;
    return true;
}

int
user_fault_in(void)
{
    return -EFAULT;
}

void
thread_wake(struct thread *t, int reason)
{
    t->wake_reason = reason;
    list_remove(&t->sleep.watch.link);
}

void
wake_all(struct waitq *wq)
{
    list_for_safe(pos, next, &wq->waiters)
        list_remove(pos);
}

int
wait_sleep(struct waitq *wq, struct lock *held, uint64_t deadline_ns, unsigned flags)
{
    struct thread *sleeper = self;
    int got;

    (void)held;
    (void)deadline_ns;
    (void)flags;
    list_push_tail(&wq->waiters, &self->sleep.watch.link);
    got = meanwhile();
    self = sleeper;
    list_remove(&self->sleep.watch.link);
    return got;
}

static int
set_up(void **state)
{
    (void)state;
    word = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){ .tid = tid_of(i), .proc = &proc };
        list_init(&threads[i].sleep.watch.link);
        gone[i] = false;
    }
    self = &threads[0];
    return 0;
}

static int
lock(unsigned i, bool wait)
{
    self = &threads[i];
    return pifutex_lock((uva_t)&word, false, DEADLINE_NEVER, wait);
}

static int
unlock(unsigned i)
{
    self = &threads[i];
    return pifutex_unlock((uva_t)&word, false);
}

static void
a_free_lock_is_taken_and_given_back(void **state)
{
    (void)state;
    assert_int_equal(lock(0, true), 0);
    assert_int_equal(word, tid_of(0));
    assert_int_equal(lock(0, true), -EDEADLK);
    assert_int_equal(unlock(1), -EPERM);
    assert_int_equal(unlock(0), 0);
    assert_int_equal(word, 0);
}

static void
who_does_not_wait_is_told(void **state)
{
    (void)state;
    assert_int_equal(lock(0, true), 0);
    assert_int_equal(lock(1, false), -EAGAIN);
    assert_int_equal(word, tid_of(0) | WAITERS);
}

static int
owner_lets_go(void)
{
    return unlock(0);
}

static void
the_first_that_waits_is_the_next_owner(void **state)
{
    (void)state;
    assert_int_equal(lock(0, true), 0);
    meanwhile = owner_lets_go;
    assert_int_equal(lock(1, true), 0);
    assert_int_equal(word, tid_of(1));
    assert_int_equal(threads[1].wake_reason, 0);
}

static int
gives_up(void)
{
    return -ETIMEDOUT;
}

static void
a_wait_may_end_without_the_lock(void **state)
{
    (void)state;
    assert_int_equal(lock(0, true), 0);
    meanwhile = gives_up;
    assert_int_equal(lock(1, true), -ETIMEDOUT);
    assert_int_equal(unlock(0), 0);
    assert_int_equal(word, 0);
}

static int
owner_ends(void)
{
    gone[0] = true;
    pifutex_owner_ends();
    return 0;
}

static void
the_end_of_an_owner_is_told_to_the_next(void **state)
{
    (void)state;
    assert_int_equal(lock(0, true), 0);
    meanwhile = owner_ends;
    assert_int_equal(lock(1, true), 0);
    assert_int_equal(word, tid_of(1) | OWNER_DIED);
    word = tid_of(0);
    assert_int_equal(lock(1, true), -ESRCH);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_free_lock_is_taken_and_given_back, set_up),
        cmocka_unit_test_setup(who_does_not_wait_is_told, set_up),
        cmocka_unit_test_setup(the_first_that_waits_is_the_next_owner, set_up),
        cmocka_unit_test_setup(a_wait_may_end_without_the_lock, set_up),
        cmocka_unit_test_setup(the_end_of_an_owner_is_told_to_the_next, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
