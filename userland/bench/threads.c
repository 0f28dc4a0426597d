/*
 * threads.c: two threads that wake each other by futex, and threads that are made and waited for.
 *
 * A round trip is four calls: the partner is woken, the caller sleeps, and the same the other way round.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static volatile uint32_t ball, ours;        /* the words at which the partner and the caller sleep */
static volatile bool over;

static void
throw_to(volatile uint32_t *word)
{
    *word = 1;
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, 0);
}

static void
catch_at(volatile uint32_t *word)
{
    while (*word == 0)
        (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, 0);
    *word = 0;
}

static void *
partner(void *arg)
{
    for (;;) {
        catch_at(&ball);
        if (over)
            return arg;
        throw_to(&ours);
    }
}

static bool
round_trips(void *arg, uint64_t n)
{
    (void)arg;
    while (n--) {
        throw_to(&ball);
        catch_at(&ours);
    }
    return true;
}

enum verdict
row_futex_pong(struct meter *m)
{
    pthread_t t;
    enum verdict v;

    if (pthread_create(&t, NULL, partner, NULL) != 0)
        return FAILED;
    v = meter_run(m, round_trips, NULL);
    over = true;
    throw_to(&ball);
    return pthread_join(t, NULL) == 0 ? v : FAILED;
}

static void *
add_one(void *arg)
{
    ++*(uint64_t *)arg;
    return NULL;
}

static bool
creates(void *arg, uint64_t n)
{
    uint64_t *ran = arg, want = *ran + n;

    while (n--) {
        pthread_t t;

        if (pthread_create(&t, NULL, add_one, ran) != 0 || pthread_join(t, NULL) != 0)
            return false;
    }
    return *ran == want;
}

enum verdict
row_thread_create(struct meter *m)
{
    uint64_t ran = 0;

    return meter_run(m, creates, &ran);
}
