/*
 * futex_test.c: who is woken at which word, and what a thread that ends leaves there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/uio.h"
#include "fake/exos/plain.h"
#include "fs/file.h"
#include "proc/proc.h"
#include "thread/futex.h"
#include "vm/vm.h"

#define THREADS 6
#define MEMORY ((uint64_t)page)
#define SHARED_A 0x30000000ul   /* two views of one file */
#define SHARED_B 0x30010000ul
#define VIEW_OFFSET 0x2000
#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u

static struct mm mms[2];
static struct proc procs[2];
static struct thread threads[THREADS];
static struct thread *self;
static struct file shared;
static uint32_t page[PAGE_SIZE / 4] __attribute__((aligned(PAGE_SIZE)));      /* the program's memory */
static uint32_t *word = page;

/* ---- what lies around ---- */

struct list run_queue;
struct turn_news turn_news;

struct proc *
proc_current(void)
{
    return self->proc;
}

struct thread *
thread_self(void)
{
    return self;
}

void
file_end(struct file *f)
{
    (void)f;
}

void
thread_wake(struct thread *t, int reason)
{
    t->wake_reason = reason;
    t->sleeping = false;
    list_remove(&t->sleep.watch.link);
}

/* The sleeper is left on its queue: the test goes on as somebody else. */
int
wait_sleep(struct waitq *wq, struct lock *held, uint64_t deadline_ns, unsigned flags)
{
    assert_true(held == NULL && deadline_ns == DEADLINE_NEVER && flags == WAIT_INTR);
    list_push_tail(&wq->waiters, &self->sleep.watch.link);
    self->sleeping = true;
    return 0;
}

long
wait_here(struct waitq *wq)
{
    return wait_sleep(wq, NULL, DEADLINE_NEVER, WAIT_INTR);
}

void
pifutex_owner_ends(void)
{
}

static bool
readable(uva_t at, size_t n)
{
    return at >= MEMORY && at + n <= MEMORY + PAGE_SIZE;
}

bool
user_load32(uint32_t *value, uva_t at)
{
    if (at - SHARED_A < 4 * PAGE_SIZE || at - SHARED_B < 4 * PAGE_SIZE)
        *value = 0;
    else if (readable(at, sizeof(*value)))
        *value = *(uint32_t *)at;
    else
        return false;
    return true;
}

int
user_fault_in(void)
{
    return -EFAULT;
}

int
user_copy_in(void *dst, uva_t src, size_t n)
{
    if (!readable(src, n))
        return -EFAULT;
    memcpy(dst, (void *)src, n);
    return 0;
}

bool
user_store32(uva_t at, uint32_t value)
{
    if (!readable(at, sizeof(value)))
        return false;
    *(uint32_t *)at = value;
    return true;
}

static void
map_shared(struct mm *mm, uint64_t at, uint64_t offset)
{
    struct region r = { .start = at, .end = at + 4 * PAGE_SIZE, .prot = PROT_READ, .flags = REGION_SHARED, .file = &shared, .offset = offset };

    shared.refs++;
    assert_non_null(region_add(&mm->map, &r));
}

static int
set_up(void **state)
{
    struct region own = { .start = MEMORY, .end = MEMORY + PAGE_SIZE, .prot = PROT_READ | PROT_WRITE };

    (void)state;
    memset(page, 0, sizeof(page));
    futex_init(true);
    list_init(&run_queue);
    for (int i = 0; i < 2; i++) {
        for (unsigned b = 0; b < ARRAY_SIZE(mms[i].futexes); b++)
            waitq_init(&mms[i].futexes[b]);
        region_map_init(&mms[i].map);
        assert_non_null(region_add(&mms[i].map, &own));
        procs[i] = (struct proc){ .mm = &mms[i], .thread_count = 2 };
    }
    map_shared(&mms[0], SHARED_A, 0);
    map_shared(&mms[1], SHARED_B, VIEW_OFFSET);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){ .tid = 100 + i, .proc = &procs[i == THREADS - 1] };
        list_init(&threads[i].sleep.watch.link);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        if (threads[i].sleeping)
            thread_wake(&threads[i], 0);
    for (int i = 0; i < 2; i++)
        region_map_free(&mms[i].map);
    return 0;
}

static void
sleeps(unsigned i, uva_t va, bool is_shared, uint32_t bits)
{
    self = &threads[i];
    assert_int_equal(futex_wait(va, is_shared, 0, bits, DEADLINE_NEVER), 0);
    assert_true(threads[i].sleeping);
}

static struct futex_key
key_of(unsigned i, uva_t va, bool is_shared)
{
    struct futex_key k;

    self = &threads[i];
    assert_int_equal(futex_key(&k, va, is_shared), 0);
    return k;
}

/* ---- */

static void
nobody_sleeps_at_a_word_that_has_changed(void **state)
{
    (void)state;
    self = &threads[0];
    *word = 1;
    assert_int_equal(futex_wait(MEMORY, false, 0, FUTEX_ALL_BITS, DEADLINE_NEVER), -EAGAIN);
    assert_int_equal(futex_wait(MEMORY + PAGE_SIZE, false, 0, FUTEX_ALL_BITS, DEADLINE_NEVER), -EFAULT);
    assert_int_equal(futex_wait(MEMORY + PAGE_SIZE, true, 0, FUTEX_ALL_BITS, DEADLINE_NEVER), -EFAULT);
    assert_int_equal(futex_wait(USER_TOP, false, 0, FUTEX_ALL_BITS, DEADLINE_NEVER), -EFAULT);
    assert_false(threads[0].sleeping);
}

static void
the_first_to_sleep_are_woken_first_and_no_more_than_asked(void **state)
{
    struct futex_key k = key_of(0, MEMORY, false);

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        sleeps(i, MEMORY + (i == 1 ? 4 : 0), false, FUTEX_ALL_BITS);
    assert_int_equal(futex_wake(&k, 2, FUTEX_ALL_BITS), 2);
    assert_true(!threads[0].sleeping && threads[1].sleeping && !threads[2].sleeping && threads[3].sleeping);
    assert_int_equal(futex_wake(&k, 2, FUTEX_ALL_BITS), 1);
    assert_int_equal(futex_wake(&k, 2, FUTEX_ALL_BITS), 0);
}

static void
the_short_ways_sleep_and_wake_as_the_long_ones_and_the_woken_queue_up(void **state)
{
    struct list *first = &threads[0].run_link, *second = &threads[2].run_link;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        self = &threads[i];
        assert_int_equal(futex_wait_own(MEMORY + (i == 1 ? 4 : 0), 1), -EAGAIN);
        assert_int_equal(futex_wait_own(MEMORY + (i == 1 ? 4 : 0), 0), 0);
    }
    sleeps(3, MEMORY, false, FUTEX_ALL_BITS);
    self = &threads[THREADS - 1];
    assert_int_equal(futex_wait_own(USER_TOP - 3, 0), -EFAULT);
    assert_int_equal(futex_wake_own(USER_TOP - 3, 1), -EFAULT);
    assert_int_equal(futex_wake_own(MEMORY, 4), 0);         /* another process' */
    self = &threads[4];
    assert_int_equal(futex_wake_own(MEMORY, 2), 2);
    assert_true(!threads[0].sleeping && threads[1].sleeping && !threads[2].sleeping && threads[3].sleeping);
    assert_true(run_queue.next == first && first->next == second && second->next == &run_queue);
    assert_int_equal(futex_wake_own(MEMORY, 2), 1);
    assert_int_equal(futex_wake_own(MEMORY, 2), 0);
}

static void
only_those_with_a_common_bit_are_woken(void **state)
{
    struct futex_key k = key_of(0, MEMORY, false);

    (void)state;
    sleeps(0, MEMORY, false, 1);
    sleeps(1, MEMORY, false, 6);
    assert_int_equal(futex_wake(&k, 10, 8), 0);
    assert_int_equal(futex_wake(&k, 10, 2), 1);
    assert_true(threads[0].sleeping && !threads[1].sleeping);
}

static void
private_words_are_a_process_own_and_shared_ones_the_files(void **state)
{
    struct futex_key here = key_of(0, MEMORY, false), there = key_of(THREADS - 1, MEMORY, false), k;

    (void)state;
    assert_false(here.object == there.object);
    k = key_of(0, MEMORY, true);
    assert_true(k.object == here.object && k.at == here.at);
    sleeps(0, SHARED_A + VIEW_OFFSET + 8, true, FUTEX_ALL_BITS);
    sleeps(1, SHARED_A + VIEW_OFFSET + 8, false, FUTEX_ALL_BITS);
    k = key_of(THREADS - 1, SHARED_B + 8, true);
    assert_int_equal(futex_wake(&k, 10, FUTEX_ALL_BITS), 1);
    assert_true(!threads[0].sleeping && threads[1].sleeping);
}

static void
who_is_requeued_is_woken_at_the_other_word(void **state)
{
    struct futex_key from = key_of(0, MEMORY, false), to = key_of(0, MEMORY + 64, false);

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        sleeps(i, MEMORY, false, FUTEX_ALL_BITS);
    assert_int_equal(futex_requeue(&from, 1, &to, 2), 3);
    assert_false(threads[0].sleeping);
    assert_int_equal(futex_wake(&to, 10, FUTEX_ALL_BITS), 2);
    assert_true(!threads[1].sleeping && !threads[2].sleeping && threads[3].sleeping);
    assert_int_equal(futex_requeue(&from, 0, &from, 5), 0);
    assert_int_equal(futex_wake(&from, 10, FUTEX_ALL_BITS), 1);
}

static void
a_word_is_changed_and_compared_as_asked(void **state)
{
    uint32_t old;

    (void)state;
    *word = 5;
    assert_int_equal(futex_change(MEMORY, 1u << 28 | 3 << 12, &old), 0);
    assert_true(old == 5 && *word == 8);
    assert_int_equal(futex_change(MEMORY, 1u << 28 | 0xfffu << 12, &old), 0);
    assert_true(old == 8 && *word == 7);
    assert_int_equal(futex_change(MEMORY, 10u << 28 | 4 << 12, &old), 0);
    assert_int_equal(*word, 7 | 16);
    assert_int_equal(futex_change(MEMORY, 0 | 9 << 12, &old), 0);
    assert_int_equal(*word, 9);
    assert_int_equal(futex_change(MEMORY, 7u << 28, &old), -ENOSYS);
    assert_int_equal(futex_change(MEMORY + PAGE_SIZE, 0, &old), -EFAULT);
    assert_true(futex_compare(0u << 24 | 5, 5) && !futex_compare(1u << 24 | 5, 5) && futex_compare(2u << 24 | 0, UINT32_MAX));
    assert_true(futex_compare(4u << 24 | 0xfff, 0) && futex_compare(5u << 24 | 5, 5) && futex_compare(3u << 24 | 5, 5));
}

/* A robust list at word 16: links are 8 bytes, each lock's word lies 8 bytes behind its link. */
static void
robust_list(struct thread *t, unsigned locks)
{
    uint64_t *head = (uint64_t *)(MEMORY + 64);

    for (unsigned i = 0; i < locks; i++) {
        uint64_t *link = (uint64_t *)(MEMORY + 128 + i * 16);

        link[0] = i + 1 < locks ? (uint64_t)(link + 2) : (uint64_t)head;
        *(uint32_t *)(link + 1) = t->tid | (i == 0 ? WAITERS : 0);
    }
    head[0] = locks > 0 ? MEMORY + 128 : (uint64_t)head;
    head[1] = 8;
    head[2] = 0;
    t->robust_list = (uint64_t)head;
}

static uint32_t
lock_word(unsigned i)
{
    return *(uint32_t *)(MEMORY + 128 + i * 16 + 8);
}

static void
the_locks_of_a_dead_thread_say_so_and_a_waiter_is_woken(void **state)
{
    (void)state;
    robust_list(&threads[1], 3);
    *(uint32_t *)(MEMORY + 128 + 16 + 8) = threads[2].tid;      /* is another's by now */
    self = &threads[0];
    assert_int_equal(futex_wait(MEMORY + 136, true, lock_word(0), FUTEX_ALL_BITS, DEADLINE_NEVER), 0);
    self = &threads[1];
    futex_farewell(self);
    assert_int_equal(lock_word(0), WAITERS | OWNER_DIED);
    assert_int_equal(lock_word(1), threads[2].tid);
    assert_int_equal(lock_word(2), OWNER_DIED);
    assert_false(threads[0].sleeping);
    assert_int_equal(self->robust_list, 0);
}

static void
a_robust_list_that_is_a_ring_or_leads_nowhere_ends(void **state)
{
    (void)state;
    self = &threads[1];
    robust_list(self, 2);
    *(uint64_t *)(MEMORY + 144) = MEMORY + 128;         /* round and round */
    futex_farewell(self);
    assert_int_equal(lock_word(1), OWNER_DIED);
    robust_list(self, 2);
    *(uint64_t *)(MEMORY + 128) = 8;
    futex_farewell(self);
    assert_int_equal(lock_word(0), WAITERS | OWNER_DIED);
    assert_int_equal(lock_word(1), self->tid);
}

static void
the_word_of_a_thread_that_has_ended_is_zero_and_its_waiter_awake(void **state)
{
    (void)state;
    self = &threads[1];
    *word = self->tid;
    self->clear_tid = MEMORY;
    self = &threads[0];
    assert_int_equal(futex_wait(MEMORY, true, threads[1].tid, FUTEX_ALL_BITS, DEADLINE_NEVER), 0);
    self = &threads[1];
    futex_farewell(self);
    assert_int_equal(*word, 0);
    assert_false(threads[0].sleeping);
    procs[0].thread_count = 1;
    *word = 7;
    self->clear_tid = MEMORY;
    futex_farewell(self);
    assert_int_equal(*word, 7);         /* nobody is left to see it */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_sleeps_at_a_word_that_has_changed),
        TEST(the_first_to_sleep_are_woken_first_and_no_more_than_asked),
        TEST(the_short_ways_sleep_and_wake_as_the_long_ones_and_the_woken_queue_up),
        TEST(only_those_with_a_common_bit_are_woken),
        TEST(private_words_are_a_process_own_and_shared_ones_the_files),
        TEST(who_is_requeued_is_woken_at_the_other_word),
        TEST(a_word_is_changed_and_compared_as_asked),
        TEST(the_locks_of_a_dead_thread_say_so_and_a_waiter_is_woken),
        TEST(a_robust_list_that_is_a_ring_or_leads_nowhere_ends),
        TEST(the_word_of_a_thread_that_has_ended_is_zero_and_its_waiter_awake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
